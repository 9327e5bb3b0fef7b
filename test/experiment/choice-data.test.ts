// Multiple choice from files to scores: few-shot examples beside the questions, samples, groups, memory; through the command line and in a run.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { planScoring } from "../../src/engine/memory-plan.js";
import { countChoiceTokens, loadChoices, planChoices, prepareChoices } from "../../src/experiment/choice-data.js";
import { parseExperiment } from "../../src/experiment/schema.js";
import { prepareSession } from "../../src/experiment/session.js";
import { getTask } from "../../src/tasks/registry.js";
import { sdft } from "../cli/run.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();

const mmluRow = (subject: string, index: number) => ({
  question: `What is ${index}?`,
  subject,
  choices: ["one", "two", "three", "four"],
  answer: index % 4,
});
const mmluRows = (subjects: readonly string[], count: number) =>
  subjects.flatMap((subject) => Array.from({ length: count }, (_, index) => mmluRow(subject, index)));
const scene = (index: number) => ({
  activity_label: "Cooking",
  ctx_a: `Pan ${index} is hot.`,
  ctx_b: "she",
  endings: ["fries an egg.", "flies.", "sleeps in it.", "reads it."],
  label: "0",
});

/** A data folder whose dataset_info.json names these files. */
function dataFolder(): string {
  const path = join(folder, "data");
  mkdirSync(path, { recursive: true });
  const files: Record<string, readonly object[]> = {
    mmlu_test: mmluRows(["anatomy", "sociology"], 3),
    mmlu_dev: mmluRows(["anatomy", "sociology"], 5),
    hellaswag_validation: Array.from({ length: 12 }, (_, index) => scene(index)),
    hellaswag_train: Array.from({ length: 30 }, (_, index) => scene(100 + index)),
    truthfulqa_validation: [{ question: "?", mc1_targets: { choices: ["a", "b"], labels: [1, 0] } }],
  };
  for (const [name, rows] of Object.entries(files)) writeFileSync(join(path, `${name}.json`), JSON.stringify(rows));
  const info = Object.fromEntries(Object.keys(files).map((name) => [name, { file_name: `${name}.json` }]));
  writeFileSync(join(path, "dataset_info.json"), JSON.stringify(info));
  return path;
}

const datasetDir = dataFolder();
const wish = { data: null, datasetDir, maxSamples: null, seed: 0, order: "seeded", shots: null } as const;
const rowsOf = (path: string): { [key: string]: unknown }[] =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("loadChoices", () => {
  it("gives a question of a sample the examples that it has among all", async () => {
    const task = getTask("hellaswag");
    const all = await loadChoices({ ...wish, task, shots: 3 });
    const some = await loadChoices({ ...wish, task, shots: 3, maxSamples: 4 });
    expect(some.items).toHaveLength(4);
    for (const item of some.items) expect(all.items).toContainEqual(item);
    expect(all.items[0]?.requests[0]?.context.match(/Pan 1\d\d is hot/g)).toHaveLength(3);
    const first = await loadChoices({ ...wish, task, maxSamples: 2, order: "file" });
    expect(first.items.map(({ id }) => id)).toEqual(["0", "1"]);
    expect(first.items[0]?.requests[0]?.context).toBe("Cooking: Pan 0 is hot. She");
  });

  it("takes the leaderboard's numbers, and a subject's own examples", async () => {
    const { items, shots } = await loadChoices({ ...wish, task: getTask("mmlu_sociology"), shots: "leaderboard" });
    expect([items.length, shots]).toEqual([3, 5]);
    expect(items[0]?.requests[0]?.context.match(/^Answer: [A-D]$/gm)).toHaveLength(5);
    expect((await loadChoices({ ...wish, task: getTask("mmlu_stem") })).items).toHaveLength(3);
    const own = await loadChoices({ ...wish, task: getTask("truthfulqa_mc1"), shots: "leaderboard" });
    expect(own.shots).toBe(0);
  });

  it("says what can't be had", async () => {
    const mc1 = getTask("truthfulqa_mc1");
    await expect(loadChoices({ ...wish, task: mc1, shots: 2 })).rejects.toThrow(/brings its own, but received 2/);
    await expect(loadChoices({ ...wish, task: getTask("hellaswag"), shots: 40 })).rejects.toThrow(
      /at least 41 examples to draw 40 from for row 0 but there are 30/,
    );
    await expect(loadChoices({ ...wish, task: getTask("mmlu_virology") })).rejects.toThrow(
      /no question of the task mmlu_virology/,
    );
  });
});

describe("planning", () => {
  it("counts the rows of a step, and tokens once where answers share their context", async () => {
    const options = { model: tinyChat, device: "cpu", weights: "native", compute: "f32", threads: 1 } as const;
    const prepared = await prepareSession({ ...options, reporter: silentReporter });
    const task = getTask("mmlu_anatomy");
    const choices = prepareChoices(prepared, task, await loadChoices({ ...wish, task }));
    const contexts = choices.items.map(({ pairs }) => pairs[0]?.context.length ?? 0);
    const answers = choices.items.flatMap(({ pairs }) => pairs.map(({ continuation }) => continuation.length));
    expect(countChoiceTokens(choices.items)).toBe([...contexts, ...answers].reduce((sum, one) => sum + one, 0));
    const plan = planChoices(prepared.planned, choices, null);
    expect(plan.purpose).toBe("scoring");
    const all = choices.items.flatMap(({ pairs }) =>
      pairs.map((pair) => pair.context.length + pair.continuation.length),
    );
    const rows = Math.max(
      Math.max(...all),
      Math.min(
        1024,
        all.reduce((sum, one) => sum + one, 0),
      ),
    );
    expect(plan.peak).toBe(planScoring(prepared.planned, { adapter: null, rows, sequences: all.length }).peak);
  });
});

describe("sdft eval", () => {
  const evaluate = (out: string, ...rest: string[]) =>
    sdft(
      "eval",
      "--model",
      tinyChat,
      "--dataset-dir",
      datasetDir,
      "--out",
      join(folder, out),
      "--threads",
      "1",
      ...rest,
    );

  it("scores groups and subjects, and both accuracies", async () => {
    const { status, stderr } = await evaluate("scored", "--tasks", "mmlu,hellaswag", "--num-fewshot", "2");
    expect([status, stderr.includes("Error")]).toEqual([0, false]);
    const scores = rowsOf(join(folder, "scored", "scores.jsonl"));
    expect(scores.map(({ task, metric, n, template }) => [task, metric, n, template])).toEqual([
      ["mmlu", "acc", 6, "none"],
      ["mmlu_stem", "acc", 3, "none"],
      ["mmlu_social_sciences", "acc", 3, "none"],
      ["mmlu_anatomy", "acc", 3, "none"],
      ["mmlu_sociology", "acc", 3, "none"],
      ["hellaswag", "acc", 12, "none"],
      ["hellaswag", "acc_norm", 12, "none"],
    ]);
    const [row] = rowsOf(join(folder, "scored", "mmlu", "predictions.jsonl"));
    expect(row).toMatchObject({ id: "0", label: "A", finish: null, choices: { gold: [0], part: "mmlu_anatomy" } });
    expect(stderr).toMatch(/hellaswag: acc norm /);
  });

  it("refuses what has no meaning", async () => {
    const wrong = await evaluate("wrong", "--tasks", "hellaswag", "--num-fewshot", "many");
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringMatching(/a whole number or leaderboard/)]);
    const none = await evaluate("wrong", "--tasks", "demo_calls", "--num-fewshot", "1");
    expect([none.status, none.stderr]).toEqual([2, expect.stringMatching(/none was named/)]);
  });
});

describe("sdft run", () => {
  it("evaluates choices beside other tasks, and skips them the second time", async () => {
    const file = join(folder, "run.yaml");
    const out = join(folder, "run");
    writeFileSync(
      file,
      JSON.stringify({
        ...{
          name: "choices",
          model: tinyChat,
          task: "demo_calls",
          variants: ["seed"],
          threads: 1,
          dataset_dir: datasetDir,
        },
        evaluate: [{ task: "hellaswag", max_samples: 5, num_fewshot: "leaderboard" }, "mmlu_anatomy"],
      }),
    );
    expect((await sdft("run", file, "--out", out)).status).toBe(0);
    const scores = rowsOf(join(out, "scores.jsonl"));
    expect(scores.map(({ task, metric, n }) => [task, metric, n])).toEqual([
      ["hellaswag", "acc", 5],
      ["hellaswag", "acc_norm", 5],
      ["mmlu_anatomy", "acc", 3],
    ]);
    const stages = () => JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")).stages;
    const before = stages();
    expect((await sdft("run", file, "--out", out)).status).toBe(0);
    expect(stages()).toEqual(before);
  });

  it("refuses num_fewshot of a task that answers", async () => {
    const file = join(folder, "wrong.yaml");
    const experiment = { name: "x", model: tinyChat, task: "demo_calls", variants: ["seed"] };
    writeFileSync(file, JSON.stringify({ ...experiment, evaluate: [{ task: "demo_calls", num_fewshot: 1 }] }));
    const { status, stderr } = await sdft("run", file, "--out", join(folder, "wrong-run"));
    expect([status, stderr]).toEqual([2, expect.stringMatching(/num_fewshot is of multiple-choice tasks/)]);
    const evaluate = [{ task: "mmlu", num_fewshot: "many" }];
    expect(() => parseExperiment({ ...experiment, evaluate }, "x.yaml")).toThrow(
      /evaluate.0: expected a task's name, or a task with its settings/,
    );
  });
});
