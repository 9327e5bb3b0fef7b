// A study's tables: every cell with its number or why there is none, the paper's numbers in their places, averages and seeds.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readStudy, type Study } from "../../../src/report/study/read-study.js";
import { varyingKeys } from "../../../src/report/study/score-groups.js";
import { studyCsv, studyDocument } from "../../../src/report/study/study-files.js";
import { studyMarkdown } from "../../../src/report/study/study-markdown.js";
import { type StudySummary, summariseStudy } from "../../../src/report/study/study-summary.js";
import { averageCell, fillCell, overSeeds } from "../../../src/report/study/study-table.js";
import { studyTerminal } from "../../../src/report/study/study-terminal.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { type MadeUpStudy, score, seedKey, trainedKey, writeStudy } from "./made-up-study.js";
import { knowledgeStudy, sweepStudy, tableStudy } from "./studies.js";

const folder = temporaryFolder();

async function read(name: string, made: MadeUpStudy): Promise<Study> {
  return readStudy(writeStudy(join(folder, name), made));
}

async function summarise(name: string, made: MadeUpStudy): Promise<StudySummary> {
  return summariseStudy(await read(name, made));
}

describe("a study of a paper's table", () => {
  it("has the paper's rows and columns, our number or the reason, and the published number with its place", async () => {
    const { tables, missingCells } = await summarise("table", tableStudy);
    const [table, further] = tables;
    expect(table?.rows.map(({ labels }) => labels.join(" / "))).toEqual([
      "Seed LM / –",
      "Vanilla FT / OpenFunctions",
      "Vanilla FT / GSM8K",
      "Vanilla FT / MagiCoder",
      "SDFT (Ours) / OpenFunctions",
      "SDFT (Ours) / GSM8K",
      "SDFT (Ours) / MagiCoder",
    ]);
    expect(table?.columns.map(({ title, n }) => [title, n])).toEqual([
      ["OpenFunctions", 8],
      ["GSM8K", 8],
      ["HumanEval", 8],
      ["Average", null],
    ]);
    expect(table?.rows[4]?.cells[0]).toEqual({
      score: { value: 0.625, n: 8, low: 0.5, high: 0.7, seeds: 1, deviation: null },
      missing: null,
      paper: { percent: 36.6, text: "36.6", place: "Table 1, SDFT (Ours), OpenFunctions, column OpenFunctions" },
      marks: [2],
    });
    expect(table?.rows[1]?.cells[2]).toMatchObject({ score: null, missing: "no sandbox on this machine" });
    expect(table?.rows[1]?.cells[3]).toMatchObject({ score: null, missing: "needs every column before it" });
    expect(table?.rows[2]?.cells[0]).toMatchObject({ score: null, missing: "not run", paper: { text: "17.9" } });
    expect(table?.rows[0]?.cells[3]?.score?.value).toBeCloseTo((0.25 + 0.5 + 0.125) / 3);
    // AdvBench is none of Table 1's columns.
    expect(further).toMatchObject({ id: "results", title: "Further results" });
    expect(missingCells).toBe(18);
  });

  it("keeps trainings apart that the paper's row does not", async () => {
    const apart = {
      ...tableStudy,
      scores: [
        score(trainedKey("sdft", "gsm8k", { samples: 16 }), "gsm8k", "accuracy", 0.3),
        score(trainedKey("sdft", "gsm8k", { samples: 32 }), "gsm8k", "accuracy", 0.4),
      ],
      missing: [],
    };
    const { tables } = await summarise("apart", apart);
    const rows = tables[0]?.rows.filter(({ labels }) => labels[0] === "SDFT (Ours)" && labels[1]?.startsWith("GSM8K"));
    expect(rows?.map(({ labels, cells }) => [labels[1], cells[1]?.score?.value])).toEqual([
      ["GSM8K, samples 16", 0.3],
      ["GSM8K, samples 32", 0.4],
    ]);
  });

  it("tells the templates of Table 4 apart", async () => {
    const key = (template: string) => trainedKey("sdft", "dolly", { distill_template: template });
    const { tables } = await summarise("templates", {
      settings: { name: "t", paper: "table4", label: null, model: "tiny" },
      scores: [
        score(key("refer"), "gsm8k", "accuracy", 0.1),
        score(key("using"), "gsm8k", "accuracy", 0.2),
        score(trainedKey("vanilla", "dolly"), "gsm8k", "accuracy", 0.3),
      ],
    });
    const numbers = tables[0]?.rows.map(({ cells }) => cells[2]?.score?.value ?? null);
    expect(numbers).toEqual([null, null, null, 0.3, 0.1, 0.2]);
    expect(tables[0]?.rows[4]?.cells[5]?.paper?.text).toBe("61.60");
  });
});

describe("a study of a figure", () => {
  it("has a row for each training by what varies, and says that the paper gives no numbers", async () => {
    const { tables, missingCells } = await summarise("sweep", sweepStudy);
    expect(tables.map(({ title }) => title)).toEqual(["Results", "Shift away from the seed model"]);
    expect(tables[0]?.labelHeads).toEqual(["Model", "Samples", "Mix ratio"]);
    expect(tables[0]?.rows.map(({ labels }) => labels.slice(1).join(" "))).toEqual([
      "– –",
      "48 1",
      "96 1",
      "192 0",
      "192 0.5",
      "192 1",
    ]);
    expect(tables[0]?.notes.join(" ")).toContain("Figure 7 (section 5.1): not published as numbers");
    expect(missingCells).toBe(0);
  });

  it("gives several seeds as mean and deviation", async () => {
    const { tables } = await summarise("knowledge", knowledgeStudy);
    expect(tables.map(({ id }) => id)).toEqual(["knowledge", "gap"]);
    const cell = tables[0]?.rows[2]?.cells[0];
    expect(cell?.score?.value).toBeCloseTo(0.41);
    expect(cell?.score).toMatchObject({ seeds: 2, n: 8 });
    // Student's t for one degree of freedom is 12.7.
    expect(cell?.score?.low).toBeCloseTo(0.41 - 12.706 * 0.02, 3);
    expect(cell?.score?.deviation).toBeCloseTo(Math.SQRT2 * 0.02);
  });
});

describe("varyingKeys", () => {
  it("leaves out what the data set alone decides", () => {
    const keys = [
      seedKey,
      trainedKey("sdft", "gsm8k", { template: "gsm8k", samples: 7473 }),
      trainedKey("sdft", "dolly", { template: "alpaca", samples: 2000 }),
    ];
    expect(varyingKeys(keys)).toEqual(["dataset"]);
    expect(varyingKeys([...keys, trainedKey("sdft", "dolly", { samples: 500 })])).toEqual(["dataset", "samples"]);
    expect(varyingKeys([trainedKey("vanilla", "dolly"), trainedKey("sdft", "dolly")])).toEqual([]);
  });
});

describe("comparisons", () => {
  it("join each training with the seed, and SDFT with vanilla, by the rows' ids", async () => {
    const { comparisons } = await summarise("pairs", tableStudy);
    expect(
      comparisons.verdicts.map(({ before, after, retained, lost, gained, n }) => [
        before,
        after,
        retained,
        lost,
        gained,
        n,
      ]),
    ).toEqual([
      ["seed model", "vanilla fine-tuning", 2, 2, 0, 8],
      ["seed model", "self-distillation (SDFT)", 3, 1, 1, 8],
      ["vanilla fine-tuning", "self-distillation (SDFT)", 2, 0, 2, 8],
    ]);
    const similarity = comparisons.values.find(({ metric }) => metric === "similarity");
    expect(similarity).toMatchObject({ before: "vanilla fine-tuning", n: 4 });
    expect(similarity?.difference).toBeCloseTo(0.3125);
    expect(similarity?.low).toBeLessThanOrEqual(similarity?.difference ?? 0);
  });
});

describe("averageCell", () => {
  const cell = (value: number, low: number, high: number) =>
    fillCell([score(seedKey, "gsm8k", "accuracy", value, { low, high })], []);

  it("is the mean; its interval adds the columns' as independent", () => {
    const { score: average } = averageCell([cell(0.5, 0.44, 0.58), cell(0.3, 0.22, 0.36)]);
    expect(average?.value).toBeCloseTo(0.4);
    expect(average?.low).toBeCloseTo(0.4 - Math.hypot(0.06, 0.08) / 2);
    expect(average?.high).toBeCloseTo(0.4 + Math.hypot(0.08, 0.06) / 2);
  });

  it("has no value where a column has none", () => {
    expect(averageCell([cell(0.5, 0.4, 0.6), fillCell([], [])])).toMatchObject({ score: null });
  });
});

describe("overSeeds", () => {
  it("leaves one score as it is", () => {
    expect(overSeeds([score(seedKey, "gsm8k", "accuracy", 0.5)])).toMatchObject({
      value: 0.5,
      seeds: 1,
      deviation: null,
    });
  });
});

describe("the texts", () => {
  it("put label, interval, n, reason, the paper's number and its slips into Markdown and onto the terminal", async () => {
    const summary = await summarise("texts", tableStudy);
    const markdown = studyMarkdown(summary, []);
    expect(markdown).toContain("# smoke: Table 1 in small");
    expect(markdown).toContain("62.5 % \\[50.0, 70.0\\]; paper 36.6 (note 2)");
    expect(markdown).toContain("missing (no sandbox on this machine); paper 9.8");
    expect(markdown).toContain("↑5.4; it is 4.4");
    expect(markdown.match(/^## (?!smoke)/gm)).toBeNull();
    const terminal = studyTerminal(summary);
    expect(terminal).toContain("smoke: Table 1: Evaluation results on downstream tasks");
    expect(terminal).toContain("paper 3.6 (1)");
    expect(terminal).toContain(
      "GSM8K: vanilla fine-tuning → self-distillation (SDFT)  n 8, retained 2, lost 0, gained 2",
    );
    expect(terminal).toContain("18 cells are missing.");
  });

  it("count many comparisons on the terminal, and show those that chance explains badly", async () => {
    const summary = await summarise("many", tableStudy);
    const [one] = summary.comparisons.verdicts;
    if (one === undefined) throw new Error("Expected a comparison in the made-up study.");
    const many = (count: number): StudySummary => {
      const verdicts = Array.from({ length: count }, (_, index) => ({
        ...one,
        ...{ after: `model ${index}`, lost: index % 3, gained: 1, p: index === 7 ? 0.01 : 0.5 },
      }));
      return { ...summary, comparisons: { ...summary.comparisons, verdicts } };
    };
    expect(studyTerminal(many(12)).match(/model \d+ /g)).toHaveLength(12);
    const terminal = studyTerminal(many(108));
    expect(terminal.match(/model \d+ /g)).toEqual(["model 7 "]);
    expect(terminal).toContain(
      "108 comparisons: more gained than lost in 36, more lost than gained in 36, as many in 36. Shown is the one with p < 0.05; all are in report.md.",
    );
    // Where there is none to show, the count follows the heading.
    const none = many(108).comparisons.verdicts.map((one) => ({ ...one, p: 0.5 }));
    const quiet = studyTerminal({ ...many(108), comparisons: { ...many(108).comparisons, verdicts: none } });
    expect(quiet).toMatch(/exact test\)\n108 comparisons: .* None has p < 0\.05/);
  });

  it("write a line of CSV for each cell, and JSON with all of it", async () => {
    const summary = await summarise("files", tableStudy);
    const lines = studyCsv(summary).split("\r\n");
    expect(lines[0]).toBe(
      "label,study,model,table,row,column,task,metric,value,n,low,high,seeds,deviation,missing,paper_percent,paper_place",
    );
    expect(lines).toHaveLength(1 + 7 * 4 + 2 + 1);
    expect(lines).toContain(
      'smoke,Table 1 in small,tiny,table1,"SDFT (Ours), OpenFunctions",OpenFunctions,openfunctions,accuracy,0.625,8,0.5,0.7,1,,,36.6,"Table 1, SDFT (Ours), OpenFunctions, column OpenFunctions"',
    );
    expect(studyDocument(summary, [])).toMatchObject({ label: "smoke", paper: { id: "table1" }, missing_cells: 18 });
  });

  it("don't let a spreadsheet run a name", async () => {
    const study = { ...tableStudy, settings: { ...tableStudy.settings, name: '=HYPERLINK("x")' } };
    expect(studyCsv(await summarise("formula", study))).toContain(`smoke,"'=HYPERLINK(""x"")",tiny`);
  });
});

describe("readStudy", () => {
  it("says what is missing or damaged", async () => {
    await expect(readStudy(join(folder, "nowhere"))).rejects.toThrow(/Expected a study's folder with a study\.yaml/);
    await expect(read("bare", { settings: { name: "x" }, scores: [] })).rejects.toThrow(
      /study\.yaml is not a study's settings \(model/,
    );
    const broken = { ...tableStudy, missing: [{ reason: "x" }] } as unknown as MadeUpStudy;
    await expect(read("broken", broken)).rejects.toThrow(/Line 1 of .*missing\.jsonl is not a row of that file/);
  });
});
