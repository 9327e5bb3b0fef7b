import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeItems } from "../../../src/eval/choice/encode-items.js";
import { type ChoiceJob, choiceHash, evaluateChoices } from "../../../src/eval/choice/evaluate-choices.js";
import { buildItems } from "../../../src/eval/choice/questions.js";
import { gradePredictions, gradingContext } from "../../../src/eval/evaluate-task.js";
import { readOwnPredictions } from "../../../src/eval/predictions-file.js";
import type { Session } from "../../../src/experiment/session.js";
import { tasks } from "../../../src/tasks/registry.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { openTinyChat } from "../../tiny-chat.js";

const folder = temporaryFolder();
const rows = Array.from({ length: 80 }, (_, index) => ({
  id: `w${index}`,
  row: {
    sentence: `Ann met Bob ${index} times and _ was glad.`,
    option1: "Ann",
    option2: "Bob",
    answer: index % 2 ? "1" : "2",
  },
}));

function job({ prompts, engine }: Session, name: string, change: Partial<ChoiceJob> = {}): ChoiceJob {
  if (prompts === null) throw new Error("no tokenizer");
  const items = buildItems(tasks.winogrande.choice, rows, { shots: 0, pool: [] });
  return {
    task: tasks.winogrande,
    items: encodeItems(prompts.tokenizer, items, engine.spec.maxPositions),
    shots: 0,
    adapter: null,
    adapterHash: null,
    folder: join(folder, name),
    stage: "evaluate winogrande",
    ...change,
  };
}

const text = (name: string): string => readFileSync(join(folder, name, "predictions.jsonl"), "utf8");

describe("evaluateChoices", () => {
  it("writes a row for each question with all its log-likelihoods, from which the metrics can be had again", async () => {
    using session = await openTinyChat();
    const { engine, prompts } = session;
    const whole = job(session, "whole");
    const { predictions, metrics } = await evaluateChoices(engine, whole);
    expect(predictions.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect(metrics).toMatchObject([{ metric: "acc", n: 80 }]);
    const stored = await readOwnPredictions(join(folder, "whole", "predictions.jsonl"));
    expect(stored).toEqual(predictions);
    expect(
      (await gradePredictions(tasks.winogrande, stored, gradingContext({ kind: "choices", ...whole }))).metrics,
    ).toEqual(metrics);
    const [first] = predictions;
    expect(first?.label).toBe("Ann met Bob 0 times and Bob");
    expect(first?.choices?.texts).toContain(first?.output);
    // One answer scored alone gives the same number to the bit.
    const context = "Ann met Bob 0 times and Ann";
    const before = prompts?.tokenizer.encode(context) ?? [];
    const tokens = prompts?.tokenizer.encode(`${context} was glad.`) ?? [];
    const [alone] = await engine.score([{ id: "0", tokens, from: before.length }]);
    expect(first?.choices?.loglikelihoods[0]).toBe([...(alone ?? [])].reduce((sum, value) => sum + value, 0));
  });

  it("goes on after an interruption to the same rows, and keeps what was scored", async () => {
    using session = await openTinyChat();
    const controller = new AbortController();
    const reporter = { progress: () => controller.abort(), finish: () => {}, note: () => {}, warn: () => {} };
    const stopped = job(session, "resumed", { reporter, signal: controller.signal });
    await expect(evaluateChoices(session.engine, stopped)).rejects.toMatchObject({ code: "interrupted" });
    const partial = join(folder, "resumed", "predictions.partial.jsonl");
    const kept = readFileSync(partial, "utf8").trim().split("\n");
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.length).toBeLessThan(rows.length);
    const done: number[] = [];
    const counting = { ...reporter, progress: (now: { done: number }) => done.push(now.done) };
    await evaluateChoices(session.engine, job(session, "resumed", { reporter: counting }));
    expect(done[0]).toBeGreaterThan(kept.length);
    expect(existsSync(partial)).toBe(false);
    expect(text("resumed")).toBe(text("whole"));
  });

  it("hashes all that the numbers depend on", async () => {
    using session = await openTinyChat();
    const { engine } = session;
    const one = job(session, "hash");
    const hash = choiceHash(engine, one);
    expect(choiceHash(engine, { ...one, folder: "elsewhere", stage: "other" })).toBe(hash);
    expect(choiceHash(engine, { ...one, adapterHash: "x" })).not.toBe(hash);
    expect(choiceHash(engine, { ...one, items: one.items.slice(1) })).not.toBe(hash);
    const [first, ...rest] = one.items;
    if (first === undefined) throw new Error("no items");
    const pairs = first.pairs.map((pair) => ({ ...pair, continuation: pair.continuation.slice(1) }));
    expect(choiceHash(engine, { ...one, items: [{ ...first, pairs }, ...rest] })).not.toBe(hash);
    expect(
      choiceHash(engine, {
        ...one,
        items: [{ ...first, item: { ...first.item, gold: [1 - (first.item.gold[0] ?? 0)] } }, ...rest],
      }),
    ).not.toBe(hash);
  });
});
