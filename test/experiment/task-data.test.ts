import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
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

let folders = 0;

/** A folder of its own with these files. */
function filesIn(files: Readonly<Record<string, string>>): string {
  const path = join(folder, `files-${folders++}`);
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

const program = (name: string): string => {
  const prompt = `def ${name}(x):\n    """ Doc. """\n`;
  return `${JSON.stringify({ prompt, canonical_solution: "    return x\n" })}\n`;
};

const humaneval = (datasetDir: string, reporter?: Required<DataWish>["reporter"]) =>
  loadTaskData({
    ...{ ...wish, task: getTask("humaneval"), split: "test", datasetDir },
    ...(reporter === undefined ? {} : { reporter }),
  });

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

  it("finds a file of the data folder by its listed name, else by the authors' name for it", async () => {
    const listed = filesIn({
      "dataset_info.json": JSON.stringify({ humaneval: { file_name: "mine.jsonl", columns: { prompt: "prompt" } } }),
      "mine.jsonl": `${JSON.stringify({ prompt: "def f(x):\n" })}\n`,
    });
    const unlisted = filesIn({ "HumanEval.jsonl": program("g") });
    const [mine] = expectTexts((await humaneval(listed)).examples, "test");
    expect(mine).toMatchObject({ opening: "def f(x):", response: null });
    const loaded = await humaneval(unlisted);
    expect(loaded.source.name).toBe("humaneval");
    expect(expectTexts(loaded.examples, "test")[0]).toMatchObject({
      instruction: "Write a Python function `g(x)` to solve the following problem:\nDoc.",
      response: "    return x\n",
    });
    // A file of the user's own is read in the same way.
    const own = await loadTaskData({
      ...wish,
      task: getTask("humaneval"),
      split: "test",
      data: join(unlisted, "HumanEval.jsonl"),
    });
    expect(own.examples).toEqual(loaded.examples);
    await expect(
      loadTaskData({ ...wish, task: getTask("multiarith"), split: "test", datasetDir: unlisted }),
    ).rejects.toThrow(
      /multiarith_test is not in .*: it needs the file multiarith_test\.json, or the name multiarith_test in its dataset_info\.json/,
    );
  });

  it("says that a file under the authors' name is not theirs, and uses it", async () => {
    const said: string[] = [];
    const reporter = { warn: (sentence: string) => said.push(sentence), note: () => {} };
    const theirs = filesIn({ "HumanEval.jsonl": program("g") });
    expect((await humaneval(theirs, reporter)).examples).toHaveLength(1);
    expect(said).toEqual([
      expect.stringMatching(/HumanEval\.jsonl is not the file .* SHA-256 is [0-9a-f]{64} and theirs 1d49078b/),
    ]);
    const other = filesIn({
      "dataset_info.json": JSON.stringify({ humaneval: { file_name: "mine.jsonl", columns: { prompt: "prompt" } } }),
      "mine.jsonl": program("g"),
    });
    await humaneval(other, reporter);
    expect(said).toHaveLength(1);
  });

  it("goes to the hub for what the folder has not, says so, and names the file to put where without one", async () => {
    const notes: string[] = [];
    const reporter = { warn: () => {}, note: (sentence: string) => notes.push(sentence) };
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    vi.stubEnv("HF_HOME", join(folder, "huggingface"));
    const empty = filesIn({ "dataset_info.json": "{}" });
    await expect(humaneval(empty, reporter)).rejects.toThrow(
      /datasets\/openai\/openai_humaneval, subset openai_humaneval, split test.*snapshots\/main\/\. Or name a folder with --dataset-dir that has the file HumanEval\.jsonl, or the name humaneval/,
    );
    expect(notes).toEqual([`humaneval is not in ${empty}, so it is taken from the hub (openai/openai_humaneval).`]);
    // The authors' list names files that they did not publish.
    const listed = filesIn({ "dataset_info.json": JSON.stringify({ humaneval: { file_name: "unpublished.jsonl" } }) });
    await expect(humaneval(listed, reporter)).rejects.toThrow(/datasets\/openai\/openai_humaneval/);
    const task = getTask("alpaca_eval");
    await expect(loadTaskData({ ...wish, task, split: "test" })).rejects.toThrow(
      /tatsu-lab\/alpaca_eval, alpaca_eval\.json\)/,
    );
    vi.unstubAllEnvs();
  });

  it("refuses a data folder that is not there before it asks a hub", async () => {
    const notes: string[] = [];
    const reporter = { warn: () => {}, note: (sentence: string) => notes.push(sentence) };
    await expect(humaneval(join(folder, "nowhere"), reporter)).rejects.toThrow(
      /data folder \(--dataset-dir, dataset_dir\) at .*nowhere, but there is no such folder/,
    );
    const file = join(folder, "a-file.json");
    writeFileSync(file, "[]");
    await expect(humaneval(file, reporter)).rejects.toThrow(/a-file\.json, but that is a file/);
    expect(notes).toEqual([]);
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
