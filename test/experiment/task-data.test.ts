import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DataWish, expectTexts, loadTaskData, taskFor } from "../../src/experiment/task-data.js";
import { getTask } from "../../src/tasks/registry.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const wish: DataWish = {
  task: null,
  split: "train",
  data: null,
  datasetDir: null,
  maxSamples: null,
  seed: 0,
  order: "seeded",
};

describe("loadTaskData", () => {
  it("finds the bundled data of a task, by the task or by its name as data", async () => {
    const byTask = await loadTaskData({ ...wish, task: getTask("demo_calls") });
    const byName = await loadTaskData({ ...wish, data: "demo_calls" });
    expect(byTask.examples.length).toBeGreaterThanOrEqual(96);
    expect(byName.examples).toEqual(byTask.examples);
    const test = await loadTaskData({ ...wish, task: getTask("demo_refusals"), split: "test" });
    expect(expectTexts(test.examples, "test")[0]?.response).toBeNull();
  });

  it("takes the first of the seeded order, or of the file's", async () => {
    const all = await loadTaskData({ ...wish, data: "demo_calls", order: "file" });
    const first = await loadTaskData({ ...wish, data: "demo_calls", order: "file", maxSamples: 3 });
    expect(first.examples).toEqual(all.examples.slice(0, 3));
    const seeded = await loadTaskData({ ...wish, data: "demo_calls", maxSamples: 3 });
    const larger = await loadTaskData({ ...wish, data: "demo_calls", maxSamples: 9 });
    expect(larger.examples.slice(0, 3)).toEqual(seeded.examples);
    expect(seeded.examples).not.toEqual(first.examples);
  });

  it("reads a file with the task's own columns, or with the usual ones", async () => {
    const own = join(folder, "own.json");
    writeFileSync(own, JSON.stringify([{ question: "1+1?", answer: "2" }]));
    const usual = join(folder, "usual.json");
    writeFileSync(usual, JSON.stringify([{ instruction: "1+1?", output: "2" }]));
    for (const data of [own, usual]) {
      const { examples } = await loadTaskData({ ...wish, task: getTask("gsm8k"), data });
      expect(expectTexts(examples, "test")[0]).toMatchObject({ instruction: "1+1?", response: "2" });
    }
  });

  it("says what is missing", async () => {
    await expect(loadTaskData(wish)).rejects.toThrow(/--data or --task/);
    await expect(loadTaskData({ ...wish, task: getTask("advbench") })).rejects.toThrow(
      /advbench has nothing to train on/,
    );
    await expect(loadTaskData({ ...wish, task: getTask("openfunctions") })).rejects.toThrow(
      /exists only as files.*--dataset-dir/,
    );
  });

  it("tells rows of tokens from rows of text", async () => {
    const path = join(folder, "tokens.jsonl");
    writeFileSync(path, '{"input_ids":[1,2],"labels":[-100,2]}\n');
    const { examples } = await loadTaskData({ ...wish, data: path });
    expect(() => expectTexts(examples, "distil")).toThrow(/rows of text to distil but row 0 holds token ids/);
  });
});

describe("taskFor", () => {
  it("takes the task named, or the one that owns the data", () => {
    expect(taskFor("gsm8k", "demo_calls")?.name).toBe("gsm8k");
    expect(taskFor(null, "openfunction_train")?.name).toBe("openfunctions");
    expect(taskFor(null, "demo_calls")?.name).toBe("demo_calls");
    expect(taskFor(null, "my.json")).toBeNull();
  });
});
