import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { writeTinyEncoder } from "../tiny-encoder.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const tiny = ["--model", tinyChat];
const path = (name: string): string => join(folder, name);
const read = (...parts: string[]) => JSON.parse(readFileSync(join(folder, ...parts), "utf8"));
const readRows = (...parts: string[]) =>
  readFileSync(join(folder, ...parts), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

function write(name: string, rows: readonly object[]): string {
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path(name);
}

const prediction = (id: string, output: string, prompt = `Question ${id}`) => ({
  ...{ id, prompt, output, label: null, correct: null, finish: "stop", tokens: 3 },
});
const seed = write("seed.jsonl", [
  prediction("a", "Sure, here is how."),
  prediction("b", "Hello there."),
  prediction("c", "No."),
]);
const trained = write("trained.jsonl", [
  prediction("c", "No."),
  prediction("a", "I cannot do that."),
  prediction("b", "Hello you."),
]);
const answers = ["--reference", seed, "--predictions", trained, "--no-similarity"];

async function done(...args: string[]) {
  const result = await sdft(...args);
  expect(result.status, result.stderr).toBe(0);
  return result;
}

describe("shift of answers", () => {
  it("writes rows and means, prints a table, and needs no model", async () => {
    const { stderr } = await done("shift", ...answers, "--out", path("plain"));
    expect(stderr).toMatch(/BLEU-4 .*│ 0\.\d{4} +│ 0\.\d{4} to /);
    expect(readRows("plain", "rows.jsonl")).toMatchObject([
      { id: "a", bleu4: expect.closeTo(0.03374807729923191, 9), rouge_l: expect.closeTo(0.18181817685950424, 9) },
      { id: "b", similarity: null },
      { id: "c", rouge_l: expect.closeTo(1, 7) },
    ]);
    const document = read("plain", "shift.json");
    expect(document.metrics).toMatchObject([
      { task: "shift", metric: "bleu4", n: 3 },
      { task: "shift", metric: "rouge_l", n: 3 },
    ]);
    expect(document).toMatchObject({ reference: seed, predictions: trained, adapter: null, gap: null });
  });

  it("counts retained, lost and gained where both files judge", async () => {
    const judged = (name: string, verdicts: readonly (boolean | null)[]) =>
      write(
        name,
        verdicts.map((correct, i) => ({ ...prediction(String(i), "x"), correct })),
      );
    const before = judged("before.jsonl", [true, true, false, false, null]);
    const after = judged("after.jsonl", [true, false, false, true, true]);
    const files = ["--reference", before, "--predictions", after, "--no-similarity"];
    const { stderr } = await done("shift", ...files, "--out", path("verdicts"));
    expect(stderr).toMatch(/retained 1, lost 1, gained 1, wrong both times 1, p = 1\.000/);
    expect(read("verdicts", "shift.json").verdicts).toEqual({ retained: 1, lost: 1, gained: 1, missed: 1, p: 1 });
    expect(read("plain", "shift.json").verdicts).toBeNull();
  });

  it("prints the same document with --json, and replaces no earlier one", async () => {
    const { stdout } = await done("shift", ...answers, "--out", path("json"), "--json");
    expect(JSON.parse(stdout)).toEqual({ folder: path("json"), ...read("json", "shift.json") });
    const again = await sdft("shift", ...answers, "--out", path("json"));
    expect(again.status).toBe(2);
    expect(again.stderr).toMatch(/already holds a shift analysis/);
  });

  it("names rows that one side lacks and files of other tasks, and writes nothing", async () => {
    const few = write("few.jsonl", [prediction("a", "x")]);
    const part = await sdft("shift", "--reference", seed, "--predictions", few, "--out", path("none"));
    expect(part.status).toBe(2);
    expect(part.stderr).toMatch(/few\.jsonl to each of the 3 rows of .*seed\.jsonl but 2 are missing: b, c/);
    const other = write(
      "other.jsonl",
      ["a", "b", "c"].map((id) => prediction(id, "x", "Another question")),
    );
    const asked = await sdft("shift", "--reference", seed, "--predictions", other, "--out", path("none"));
    expect(asked.stderr).toMatch(/The prompts of 3 of 3 rows .* differ/);
    expect(() => readFileSync(path("none"))).toThrow(/ENOENT/);
  });

  it("says what goes together", async () => {
    for (const [args, sentence] of [
      [["--reference", seed], /Expected --predictions beside --reference/],
      [[], /Expected --reference with --predictions \(answers\)/],
      [[...answers, ...tiny], /--model is for --data .* or for --adapter with --reference/],
      [["--data", path("d.jsonl")], /Expected --model beside --data/],
      [["--data", "gsm8k", ...tiny], /to be a distilled\.jsonl but received gsm8k/],
      [["--data", path("missing.jsonl"), ...tiny], /Expected a file of distilled rows at/],
    ] as const) {
      const { status, stderr } = await sdft("shift", ...args, "--out", path("usage"));
      expect(status).toBe(2);
      expect(stderr).toMatch(sentence);
    }
  });
});

describe("shift with an encoder", () => {
  it("adds the similarity of embeddings", async () => {
    mkdirSync(path("encoder"));
    await writeTinyEncoder(path("encoder"));
    const args = ["--reference", seed, "--predictions", trained, "--encoder", path("encoder"), "--threads", "1"];
    await done("shift", ...args, "--out", path("similar"));
    expect(readRows("similar", "rows.jsonl")[2]).toMatchObject({ id: "c", similarity: expect.closeTo(1, 9) });
    expect(read("similar", "shift.json").metrics[2]).toMatchObject({ metric: "similarity", n: 3 });
    const missing = await sdft("shift", ...args.slice(0, 4), "--encoder", path("nothing"), "--out", path("no-encoder"));
    expect(missing.status).toBe(2);
  });
});

describe("shift of weights, and the gap", () => {
  it("gives the norm of an adapter's change and its largest matrices", async () => {
    const train = ["--data", "demo_calls", "--max-samples", "4", "--max-steps", "2"];
    await done("train", ...tiny, ...train, "--out", path("adapter"));
    const { stderr } = await done("shift", "--adapter", path("adapter"), "--out", path("weights"));
    expect(stderr).toMatch(/parameter shift .*│ 0\.\d{4} +│ –/);
    expect(stderr).toMatch(/Most of the parameter shift's square: model\.layers\.\d+\.self_attn/);
    const { metrics, matrices } = read("weights", "shift.json");
    expect(metrics).toMatchObject([{ task: "shift", metric: "parameter_shift", n: matrices.length }]);
    expect(matrices.reduce((sum: number, { share }: { share: number }) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  it("compares the distributions with and without the adapter on the reference answers", async () => {
    const adapter = ["--adapter", path("adapter"), ...tiny];
    await done("shift", ...answers, ...adapter, "--out", path("kl"));
    const rows = readRows("kl", "rows.jsonl");
    expect(rows.map(({ kl }) => kl > 0 && kl < 1)).toEqual([true, true, true]);
    const metrics: { metric: string; value: number }[] = read("kl", "shift.json").metrics;
    expect(metrics.map(({ metric }) => metric)).toEqual(["bleu4", "rouge_l", "parameter_shift", "kl"]);
    expect(metrics[3]?.value).toBeCloseTo(
      rows.reduce((sum, { kl }) => sum + kl / 3, 0),
      12,
    );
    const mute = write("mute.jsonl", [{ ...prediction("a", "x", "") }]);
    const without = ["--reference", mute, "--predictions", mute, "--no-similarity"];
    const { status, stderr } = await sdft("shift", ...without, ...adapter, "--out", path("mute"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/Expected the prompt in column "prompt" on line 1/);
  });

  it("scores original and distilled answers by the model before training", async () => {
    const row = (id: string, original: string, response: string) => ({
      ...{ id, instruction: `Say ${id}.`, original, response, source: "model", reason: null, finish: "stop" },
    });
    const data = write("distilled.jsonl", [row("a", "one", "two three"), row("b", "four", "four")]);
    const { stderr } = await done("shift", "--data", data, ...tiny, "--out", path("gap"));
    expect(stderr).toMatch(/Distilled minus original: -?\d+\.\d{4} \[/);
    const rows = readRows("gap", "gap.jsonl");
    expect(rows[1].logprob_original).toBe(rows[1].logprob_distilled);
    const { metrics, gap } = read("gap", "shift.json");
    expect(metrics).toMatchObject([
      { task: "gap", metric: "logprob_original", n: 2 },
      { task: "gap", metric: "logprob_distilled", n: 2 },
    ]);
    expect(gap.value).toBeCloseTo(metrics[1].value - metrics[0].value, 9);
  });
});
