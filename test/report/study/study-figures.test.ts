// Which figures a study gets, what they hold, and the files they become.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { drawChart, standaloneSvg } from "../../../src/report/charts/chart.js";
import { countBins } from "../../../src/report/charts/histogram-chart.js";
import { thin } from "../../../src/report/charts/loss-chart.js";
import { sweepChart } from "../../../src/report/charts/sweep-chart.js";
import { yieldChart } from "../../../src/report/charts/yield-chart.js";
import { readStudy } from "../../../src/report/study/read-study.js";
import { studyFigures } from "../../../src/report/study/study-figures.js";
import { summariseStudy } from "../../../src/report/study/study-summary.js";
import { writeStudyReport } from "../../../src/report/study/write-study-report.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { attack, type MadeUpStudy, score, trainedKey, writeStudy } from "./made-up-study.js";
import { knowledgeStudy, sweepStudy, tableStudy } from "./studies.js";

const folder = temporaryFolder();

async function figuresOf(name: string, study: MadeUpStudy) {
  const summary = summariseStudy(await readStudy(writeStudy(join(folder, name), study)));
  return studyFigures(summary).map(({ kind, name, chart }) => ({ kind, name, chart }));
}

describe("studyFigures", () => {
  it("draws both sweeps by test and by shift metric, the study's own figure first", async () => {
    const figures = await figuresOf("sweep", sweepStudy);
    const count = (kind: string): number => figures.filter((figure) => figure.kind === kind).length;
    expect(figures[0]?.kind).toBe("performance by mix ratio");
    expect(
      ["performance by mix ratio", "shift by mix ratio", "performance by sample size", "shift by sample size"].map(
        count,
      ),
    ).toEqual([2, 2, 2, 2]);
    const [first] = figures;
    // Vanilla fine-tuning is the ratio 0.
    expect(first?.chart.description).toContain("rewrites mixed in: 0: 30 [24, 44]; 0.5: 40 [32, 52]; 1: 50 [40, 60]");
    expect(first?.chart.description).toContain("Seed model: 55");
    const samples = figures.find(({ kind }) => kind === "performance by sample size");
    expect(samples?.chart.description).toContain("48: 54 [43.2, 63.2]; 96: 52 [41.6, 61.6]; 192: 50 [40, 60]");
  });

  it("takes vanilla and SDFT alone for no sweep", async () => {
    const figures = await figuresOf("pair", {
      settings: { name: "x", model: "tiny" },
      scores: [
        score(trainedKey("vanilla", "gsm8k"), "gsm8k", "accuracy", 0.3),
        score(trainedKey("sdft", "gsm8k"), "gsm8k", "accuracy", 0.4),
      ],
    });
    expect(figures).toEqual([]);
  });

  it("draws knowledge with acc_norm where there is one, and the mean of several seeds", async () => {
    const [figure] = await figuresOf("knowledge", knowledgeStudy);
    expect(figure?.kind).toBe("knowledge");
    expect(figure?.chart.description).toContain(
      "self-distillation (SDFT): MMLU 41; TruthfulQA mc2 41; ARC challenge 37",
    );
  });

  it("draws similarity, trade-off, loss and yield from the runs, labelled as the study is", async () => {
    const figures = await figuresOf("table", tableStudy);
    expect(figures.map(({ kind }) => kind)).toEqual(["similarity histogram", "trade-off", "loss", "yield"]);
    for (const { chart } of figures) expect(chart.subtitle).toMatch(/^smoke: tiny/);
    expect(figures[0]?.chart.description).toContain("vanilla fine-tuning: 4 rows, median 0.600");
    expect(figures[1]?.chart.description).toContain("learnt: OpenFunctions, % 62.5, kept: mean of GSM8K, % 50");
    expect(figures[3]?.chart.description).toContain(
      "self-distillation (SDFT): 15 of 45 kept, 15 not-ended, 15 wrong-answer",
    );
  });
});

describe("drawChart", () => {
  it("makes an SVG whose text is text and whose names are escaped", async () => {
    const series = [{ title: attack, colour: "sdft" as const, points: [{ x: 1, value: 2, low: 1, high: 3 }] }];
    const svg = await drawChart(
      sweepChart({ title: attack, subtitle: attack, xTitle: attack, yTitle: attack, top: null, series, level: 1 }),
    );
    expect(svg).toMatch(/^<svg class="chart" /);
    expect(svg).not.toMatch(/<script|<img|<svg onload/);
    const names = /^<svg ([^>]*)>/.exec(svg)?.[1]?.match(/[\w:-]+(?==")/g) ?? [];
    expect(names).toEqual([...new Set(names)]);
    expect(svg).toContain("&lt;img src=x");
    expect(svg).toMatch(/role="img" aria-label="[^"<>]*"/);
    expect(svg).toContain(">seed model</text>");
    expect(standaloneSvg(svg)).toContain('svg [fill="#1f7a6d"] { fill: #5cc2b1; }');
  });
});

describe("yieldChart", () => {
  it("writes the names of its bars out, in lines where they are long", async () => {
    const titles = ["self-distillation (SDFT)", "using, 192 examples, mix ratio 0.5, random seed 3", attack];
    const bars = titles.map((title) => ({ title, total: 4, kept: 3, reasons: [{ reason: "copy", count: 1 }] }));
    const svg = await drawChart(yieldChart({ title: "Yield", subtitle: "tiny", bars }));
    expect(svg).toContain(">self-distillation (SDFT)<");
    for (const line of ["using, 192 examples, mix", "ratio 0.5, random seed 3"]) expect(svg).toContain(`>${line}<`);
    expect(svg).not.toMatch(/<script|<img|<svg onload/);
  });
});

describe("sweepChart", () => {
  it("writes its ticks out in full", async () => {
    const points = [48, 96, 192, 2211].map((x) => ({ x, value: 2, low: 1, high: 3 }));
    const series = [{ title: "SDFT", colour: "sdft" as const, points }];
    const svg = await drawChart(
      sweepChart({ title: "t", subtitle: "s", xTitle: "x", yTitle: "y", top: null, series, level: null }),
    );
    for (const tick of [48, 192, 2211]) expect(svg).toContain(`>${tick}</text>`);
  });
});

describe("writeStudyReport", () => {
  it("writes a file for each figure, and clears away those of before", async () => {
    const path = writeStudy(join(folder, "files"), tableStudy);
    await writeStudyReport(path, "tables");
    expect(existsSync(join(path, "report.html"))).toBe(false);
    expect(existsSync(join(path, "report.csv"))).toBe(true);
    await writeStudyReport(path);
    writeFileSync(join(path, "figures", "old.svg"), "<svg/>");
    await writeStudyReport(path);
    expect(readdirSync(join(path, "figures")).sort()).toEqual([
      "loss-openfunctions.svg",
      "similarity-openfunctions.svg",
      "trade-off-openfunctions.svg",
      "yield.svg",
    ]);
    expect(readFileSync(join(path, "report.md"), "utf8")).toContain("](figures/yield.svg)");
  });

  it("follows a study to the runs that it shares, and takes its own of them", async () => {
    const [run] = Object.values(tableStudy.runs ?? {});
    writeStudy(join(folder, "shared"), {
      ...tableStudy,
      runs: { mine: run ?? { scores: [] }, theirs: run ?? { scores: [] } },
    });
    const settings = { ...tableStudy.settings, runs_folder: "../shared/runs", runs: ["mine", "not-begun"] };
    const path = writeStudy(join(folder, "sharing"), { ...tableStudy, settings, runs: {} });
    const study = await readStudy(path);
    expect(study.runs.map(({ name }) => name)).toEqual(["mine"]);
    expect(summariseStudy(study).comparisons.verdicts).toHaveLength(3);
  });
});

describe("countBins", () => {
  it("counts edges into the bin above, and 1 into the last", () => {
    const bins = countBins([0, 0.05, 0.15, 0.999, 1], { first: 0, last: 19 });
    expect(bins.filter(({ share }) => share > 0)).toEqual([
      { bin: 0, share: 0.2 },
      { bin: 1, share: 0.2 },
      { bin: 3, share: 0.2 },
      { bin: 19, share: 0.4 },
    ]);
  });
});

describe("thin", () => {
  it("keeps short curves and takes the mean of stretches of long ones", () => {
    const curve = Array.from({ length: 300 }, (_, index) => ({ step: index + 1, loss: index % 2 }));
    expect(thin(curve.slice(0, 3))).toEqual(curve.slice(0, 3));
    expect(thin(curve)).toHaveLength(150);
    expect(thin(curve)[0]).toEqual({ step: 1.5, loss: 0.5 });
  });
});
