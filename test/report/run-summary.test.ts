import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareWithSeed, readRun } from "../../src/report/run-summary.js";
import { temporaryFolder } from "../temporary-folder.js";
import { summary } from "./summary.js";

const folder = temporaryFolder();

describe("compareWithSeed", () => {
  it("counts each prompt once, however many answers it has", () => {
    const row = { prompt: "", output: "", label: null, finish: null, tokens: null };
    const rows = (...correct: boolean[]) => correct.map((each, sample) => ({ ...row, id: "a", sample, correct: each }));
    const task = "humaneval";
    const comparisons = compareWithSeed([
      { variant: "seed", task, rows: rows(true, false, true) },
      { variant: "sdft", task, rows: rows(false, true, true) },
    ]);
    expect(comparisons).toMatchObject([{ retained: 0, lost: 1, gained: 0, missed: 0 }]);
  });
});

describe("readRun", () => {
  it("refuses a folder that is no run, and one of a newer version", async () => {
    await expect(readRun(folder)).rejects.toThrow(
      /Expected a run folder with a manifest\.json, or a study's with a study\.yaml, .*; make one/,
    );
    const studies = join(folder, "studies");
    for (const name of ["table2", "table1", "rewrites"]) mkdirSync(join(studies, name), { recursive: true });
    for (const name of ["table2", "table1"]) writeFileSync(join(studies, name, "study.yaml"), "");
    await expect(readRun(studies)).rejects.toThrow(/name a folder in it: table1, table2\./);
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...summary.manifest, format: 2 }));
    await expect(readRun(folder)).rejects.toThrow(/format 2 and this sdft reads format 1/);
    writeFileSync(join(folder, "manifest.json"), "{");
    await expect(readRun(folder)).rejects.toThrow(/not valid JSON/);
  });

  it("reads rows, and names the line of a damaged one", async () => {
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(summary.manifest));
    writeFileSync(join(folder, "run.yaml"), "name: here\n");
    writeFileSync(join(folder, "scores.jsonl"), summary.scores.map((row) => `${JSON.stringify(row)}\n`).join(""));
    mkdirSync(join(folder, "seed", "gsm8k"), { recursive: true });
    const predictions = join(folder, "seed", "gsm8k", "predictions.jsonl");
    const rows = summary.predictions[0]?.rows ?? [];
    writeFileSync(predictions, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const run = await readRun(folder);
    expect(run).toMatchObject({
      name: "here",
      variants: ["seed", "vanilla", "sdft"],
      tasks: ["gsm8k"],
      yield: null,
      comparisons: [],
    });
    expect(run.predictions).toEqual([{ variant: "seed", task: "gsm8k", rows }]);
    writeFileSync(predictions, `${JSON.stringify(rows[0])}\n{"id":1}\n`);
    await expect(readRun(folder)).rejects.toThrow(/Line 2 of .*predictions\.jsonl/);
  });

  it("joins each rewrite with its verdict, and reads runs that have none", async () => {
    const distilled = {
      id: "a",
      instruction: "i",
      original: "o",
      response: "o",
      source: "original",
      reason: "empty",
      finish: "stop",
    };
    const write = (name: string, rows: readonly object[]) => {
      mkdirSync(join(folder, "sdft"), { recursive: true });
      writeFileSync(join(folder, "sdft", name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    };
    rmSync(join(folder, "seed"), { recursive: true });
    write("distilled.jsonl", [distilled]);
    write("rewrites.jsonl", [
      { id: "a", sample: 1, text: "second" },
      { id: "a", sample: 0, text: "" },
    ]);
    const bare = (await readRun(folder)).distilled[0];
    expect(bare).toMatchObject({ rejected: "", attempts: [{ sample: 0, verdict: null }, { text: "second" }] });
    write("verdicts.jsonl", [
      { id: "a", sample: 0, rule: "empty", value: null, detail: "nothing in it", logprob: null, chosen: false },
    ]);
    const judged = (await readRun(folder)).distilled[0];
    expect(judged?.attempts.map(({ verdict }) => verdict)).toEqual([
      { rule: "empty", detail: "nothing in it", logprob: null, chosen: false },
      null,
    ]);
  });
});
