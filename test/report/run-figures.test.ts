import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { drawFigures, writeFigures } from "../../src/report/figure-files.js";
import { runFigures } from "../../src/report/run-figures.js";
import type { RunSummary } from "../../src/report/run-summary.js";
import { temporaryFolder } from "../temporary-folder.js";
import { summary } from "./summary.js";

const names = (run: RunSummary): string[] => runFigures(run).map(({ name }) => name);
const descriptionOf = (run: RunSummary, name: string) =>
  runFigures(run).find((figure) => figure.name === name)?.chart.description;

/** The same run with a second test that every model got half right. */
const wider: RunSummary = {
  ...summary,
  tasks: ["gsm8k", "advbench"],
  scores: [...summary.scores, ...summary.scores.map((score) => ({ ...score, task: "advbench", value: 0.5 }))],
  config: { ...summary.config, task: "gsm8k" },
};

describe("runFigures", () => {
  it("has a figure for what the run has numbers for, and no other", () => {
    expect(names(summary)).toEqual(["scores", "loss", "yield"]);
    expect(names({ ...summary, scores: [], logs: [], yield: null })).toEqual([]);
  });

  it("shows every test's rate of every model in percent", () => {
    expect(descriptionOf(wider, "scores")).toBe(
      "seed model: gsm8k 50; advbench 50. vanilla fine-tuning: gsm8k 50; advbench 50. self-distillation (SDFT): gsm8k 75; advbench 50",
    );
  });

  it("sets the trained task against the mean of the others, where it is among them", () => {
    expect(names(wider)).toContain("trade-off");
    expect(descriptionOf(wider, "trade-off")).toContain(
      "self-distillation (SDFT): learnt: gsm8k, % 75, kept: mean of advbench, % 50",
    );
    expect(names({ ...wider, config: { task: "alpaca" } })).not.toContain("trade-off");
  });

  it("draws similarities where rows have one", () => {
    const row = { id: "a", bleu4: 0.5, rouge_l: 0.5, similarity: 0.9 };
    expect(names({ ...summary, shifts: [{ variant: "sdft", rows: [row] }] })).toContain("similarity");
    expect(names({ ...summary, shifts: [{ variant: "sdft", rows: [{ ...row, similarity: null }] }] })).not.toContain(
      "similarity",
    );
  });
});

describe("writeFigures", () => {
  it("writes a file for each and takes away those of before", async () => {
    const folder = mkdtempSync(join(temporaryFolder(), "run-"));
    await writeFigures(folder, await drawFigures(runFigures(summary)));
    writeFileSync(join(folder, "figures", "notes.txt"), "kept");
    expect(readFileSync(join(folder, "figures", "loss.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
    await writeFigures(folder, (await drawFigures(runFigures(summary))).slice(0, 1));
    expect(readdirSync(join(folder, "figures")).sort()).toEqual(["notes.txt", "scores.svg"]);
  });
});
