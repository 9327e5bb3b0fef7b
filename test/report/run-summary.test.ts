import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRun } from "../../src/report/run-summary.js";
import { temporaryFolder } from "../temporary-folder.js";
import { summary } from "./summary.js";

const folder = temporaryFolder();

describe("readRun", () => {
  it("refuses a folder that is no run, and one of a newer version", async () => {
    await expect(readRun(folder)).rejects.toThrow(/Expected a run folder with a manifest\.json/);
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
});
