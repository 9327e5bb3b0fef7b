import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { greedySampling } from "../../src/engine/sampling.js";
import { evaluationHash } from "../../src/eval/evaluate.js";
import {
  evaluateTask,
  expectGradable,
  gradePredictions,
  type TaskJob,
  taskHash,
} from "../../src/eval/evaluate-task.js";
import { plainGrading } from "../../src/eval/grading.js";
import { readJudgeSettings } from "../../src/eval/judge/settings.js";
import { stageRenderers } from "../../src/experiment/stage-settings.js";
import { getTask, tasks } from "../../src/tasks/registry.js";
import type { Task } from "../../src/tasks/task.js";
import { getPreset } from "../../src/templates/presets.js";
import { temporaryFolder } from "../temporary-folder.js";
import { openTinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const examples: TextExample[] = Array.from({ length: 3 }, (_, index) => ({
  kind: "text",
  id: `sum-${index}`,
  instruction: `What is ${index} + 2?`,
  response: `The answer is ${index + 2}.`,
  history: [],
  system: null,
  row: {},
}));

type AnswerJob = Extract<TaskJob, { readonly kind: "answers" }>;

async function job(session: Awaited<ReturnType<typeof openTinyChat>>, task: Task, name: string): Promise<AnswerJob> {
  const wish = { task, preset: getPreset("default"), template: null, distillTemplate: null };
  const { infer } = await stageRenderers(session.prompts, wish);
  const sampling = { ...greedySampling, maxNewTokens: 8 };
  const place = { folder: join(folder, name), stage: "evaluate", adapter: null, adapterHash: null };
  return { kind: "answers", task, examples, renderer: infer, sampling, ...place };
}

describe("evaluateTask", () => {
  it("judges answers by the task's check and leaves the hash of before", async () => {
    using session = await openTinyChat();
    const one = await job(session, tasks.demo_arithmetic, "check");
    const { predictions, metrics } = await evaluateTask(session.engine, one);
    expect(predictions.every(({ correct }) => correct !== null)).toBe(true);
    expect(metrics).toMatchObject([{ metric: "accuracy", n: 3 }]);
    expect(
      readFileSync(join(folder, "check", "predictions.jsonl"), "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(3);
    expect(taskHash(session.engine, one)).toBe(evaluationHash(session.engine, one));
  });

  it("writes outputs that nobody judges", async () => {
    using session = await openTinyChat();
    const { predictions, metrics } = await evaluateTask(session.engine, await job(session, tasks.alpaca, "none"));
    expect(predictions.map(({ correct }) => correct)).toEqual([null, null, null]);
    expect(metrics).toEqual([]);
  });
});

describe("gradePredictions", () => {
  it("judges rows without a model", async () => {
    const context = { settings: plainGrading, examples: [], folder, generator: "here" };
    const row = { id: "a", prompt: "", label: "1200", correct: null, finish: null, tokens: null };
    const { predictions } = await gradePredictions(getTask("gsm8k"), [{ ...row, output: "so 1,200" }], context);
    expect(predictions[0]?.correct).toBe(true);
  });
});

describe("grading", () => {
  it("goes with a check and a metric, and with none of them", () => {
    const all: readonly Task[] = Object.values(tasks);
    for (const { name, grading, check, metric } of all) {
      expect([name, metric === null]).toEqual([name, grading === null]);
      if (grading === "check") expect(check, name).not.toBeNull();
    }
  });

  it("says before any work what is not there", async () => {
    const wish = { endpoint: "http://127.0.0.1:9", model: "m", key_env: "SDFT_TEST_NO_KEY" };
    await expect(readJudgeSettings(wish)).rejects.toThrow(/environment variable SDFT_TEST_NO_KEY but it is not set/);
    for (const task of [tasks.gsm8k, tasks.alpaca, tasks.alpaca_eval]) await expectGradable(task, plainGrading);
  });
});
