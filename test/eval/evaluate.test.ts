import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { greedySampling } from "../../src/engine/sampling.js";
import { type EvaluationJob, evaluate, evaluationHash, scorePredictions } from "../../src/eval/evaluate.js";
import { stageRenderers } from "../../src/experiment/stage-settings.js";
import { getTask } from "../../src/tasks/registry.js";
import { getPreset } from "../../src/templates/presets.js";
import { temporaryFolder } from "../temporary-folder.js";
import { openTinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const task = getTask("demo_arithmetic");
const examples: TextExample[] = Array.from({ length: 6 }, (_, index) => ({
  kind: "text",
  id: `sum-${index}`,
  instruction: `What is ${index} + 2?`,
  response: `The answer is ${index + 2}.`,
  history: [],
  system: null,
  row: {},
}));

async function job(
  session: Awaited<ReturnType<typeof openTinyChat>>,
  name: string,
  change: Partial<EvaluationJob> = {},
): Promise<EvaluationJob> {
  const wish = { task, preset: getPreset("default"), template: null, distillTemplate: null };
  const { infer } = await stageRenderers(session.prompts, wish);
  const sampling = { ...greedySampling, temperature: 1, maxNewTokens: 24 };
  return {
    task,
    examples,
    renderer: infer,
    adapter: null,
    adapterHash: null,
    sampling,
    folder: join(folder, name),
    stage: "evaluate",
    ...change,
  };
}

const rows = (name: string): string => readFileSync(join(folder, name, "predictions.jsonl"), "utf8");

describe("evaluate", () => {
  it("writes a row for each example in their order, and the rate with its interval", async () => {
    using session = await openTinyChat();
    const { predictions, metrics } = await evaluate(session.engine, await job(session, "whole"));
    expect(predictions.map(({ id }) => id)).toEqual(examples.map(({ id }) => id));
    expect(metrics).toMatchObject([{ metric: "accuracy", n: 6 }]);
    expect(
      rows("whole")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(predictions);
    expect(existsSync(join(folder, "whole", "predictions.partial.jsonl"))).toBe(false);
  });

  it("goes on after an interruption to the same rows", async () => {
    using session = await openTinyChat();
    const controller = new AbortController();
    const reporter = {
      progress: ({ done }: { done: number }) => done >= 1 && controller.abort(),
      finish: () => {},
      note: () => {},
      warn: () => {},
    };
    const varied = { ...greedySampling, temperature: 1, maxNewTokens: 40 };
    const reference = await job(session, "reference", { sampling: varied });
    await evaluate(session.engine, reference);
    const stopped = await job(session, "resumed", { sampling: varied, reporter, signal: controller.signal });
    // Ends of different lengths: the first one finishes before the others.
    const endings = {
      ...stopped.renderer,
      stopTokens: [...stopped.renderer.stopTokens, ...Array.from({ length: 40 }, (_, i) => 20 + i)],
    };
    await expect(evaluate(session.engine, { ...stopped, renderer: endings })).rejects.toMatchObject({
      code: "interrupted",
    });
    const partial = readFileSync(join(folder, "resumed", "predictions.partial.jsonl"), "utf8")
      .trim()
      .split("\n");
    expect(partial.length).toBeGreaterThan(1);
    await evaluate(session.engine, { ...(await job(session, "resumed", { sampling: varied })), renderer: endings });
    await evaluate(session.engine, { ...(await job(session, "again", { sampling: varied })), renderer: endings });
    expect(rows("resumed")).toBe(rows("again"));
  });

  it("hashes all that the outputs depend on", async () => {
    using session = await openTinyChat();
    const one = await job(session, "hash");
    const hash = evaluationHash(session.engine, one);
    expect(evaluationHash(session.engine, { ...one, folder: "elsewhere", stage: "other" })).toBe(hash);
    expect(evaluationHash(session.engine, { ...one, adapterHash: "x" })).not.toBe(hash);
    expect(evaluationHash(session.engine, { ...one, sampling: { ...one.sampling, seed: 1 } })).not.toBe(hash);
    expect(evaluationHash(session.engine, { ...one, examples: examples.slice(1) })).not.toBe(hash);
  });
});

describe("scorePredictions", () => {
  it("judges outputs made elsewhere", () => {
    const row = (id: string, output: string, label: string) => ({
      id,
      prompt: "",
      output,
      label,
      correct: null,
      finish: null,
      tokens: null,
    });
    const { predictions, metrics } = scorePredictions(getTask("gsm8k"), [
      row("a", "so 1,200", "1200"),
      row("b", "5", "6"),
    ]);
    expect(predictions.map(({ correct }) => correct)).toEqual([true, false]);
    expect(metrics).toMatchObject([{ metric: "accuracy", value: 0.5, n: 2 }]);
  });
});
