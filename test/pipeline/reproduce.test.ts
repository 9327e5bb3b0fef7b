// The ten commands that reproduce the paper's tables and figures, each on the miniature sets and the tiny model: every cell is filled,
// nothing is fetched, and all that is printed and written says `smoke`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sdft } from "../cli/run.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
// A hub that answers nobody: whoever asks it fails the test.
process.env.HF_ENDPOINT = "http://127.0.0.1:9";
process.env.HF_HUB_CACHE = join(folder, "no-hub");

const reproduceIn = (out: string, name: string, ...more: string[]) =>
  sdft("reproduce", name, "--scale", "smoke", "--model", tinyChat, "--threads", "2", "--out", out, ...more);
const reproduce = (name: string, ...more: string[]) => reproduceIn(folder, name, ...more);

interface Row {
  readonly variant: string;
  readonly dataset: string | null;
  readonly distill_template: string | null;
  readonly mix_ratio: number | null;
  readonly samples: number | null;
  readonly task: string;
  readonly metric: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly label: string;
}

const readRows = (...parts: string[]): Row[] =>
  readFileSync(join(folder, ...parts), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const distinct = (values: readonly unknown[]): unknown[] => [...new Set(values)];

/** Runs a command and checks what holds for all of them; its rows. */
async function filled(name: string): Promise<Row[]> {
  const { status, stderr } = await reproduce(name);
  expect(stderr).not.toMatch(/Error:/);
  expect(readRows(name, "missing.jsonl")).toEqual([]);
  expect(status).toBe(0);
  const sentences = stderr.split("\n\n")[0]?.split("\n") ?? [];
  expect(sentences.filter((line) => line !== "" && !line.includes("smoke"))).toEqual([]);
  const rows = readRows(name, "scores.jsonl");
  expect(distinct(rows.map(({ label }) => label))).toEqual(["smoke"]);
  for (const { value, low, high } of rows) {
    expect(value).toBeGreaterThanOrEqual(low - 1e-9);
    expect(value).toBeLessThanOrEqual(high + 1e-9);
  }
  for (const file of ["study.yaml", "report.md", "report.html", "report.json", "report.csv"])
    expect(readFileSync(join(folder, name, file), "utf8"), file).toContain("smoke");
  return rows;
}

const trainings = (rows: readonly Row[]): string[] =>
  distinct(rows.map(({ variant, dataset }) => (dataset === null ? variant : `${variant} ${dataset}`))).map(String);
const tasks = (rows: readonly Row[]): unknown[] => distinct(rows.map(({ task }) => task));
const downstream = [
  "seed",
  "vanilla openfunctions",
  "sdft openfunctions",
  "vanilla gsm8k",
  "sdft gsm8k",
  "vanilla magicoder",
  "sdft magicoder",
];

describe("sdft reproduce --scale smoke", () => {
  it("table1: 7 rows by 3 tests, and the average in the report", async () => {
    const rows = await filled("table1");
    expect(trainings(rows)).toEqual(downstream);
    expect(tasks(rows)).toEqual(["openfunctions", "gsm8k", "humaneval"]);
    expect(rows).toHaveLength(7 * 3);
    expect(readFileSync(join(folder, "table1", "report.md"), "utf8")).toMatch(/Average/i);
  });

  it("table2: safety and win rate on the very adapters of table1", async () => {
    const before = readdirSync(join(folder, "runs"));
    const rows = await filled("table2");
    expect(trainings(rows)).toEqual(downstream);
    expect(tasks(rows)).toEqual(["advbench", "advbench_jailbreak", "alpaca_eval"]);
    expect(readdirSync(join(folder, "runs"))).toEqual(before);
  });

  it("table3: instruction data", async () => {
    const rows = await filled("table3");
    expect(trainings(rows).slice(1)).toEqual([
      "vanilla alpaca",
      "sdft alpaca",
      "vanilla dolly",
      "sdft dolly",
      "vanilla lima",
      "sdft lima",
    ]);
    expect(rows).toHaveLength(7 * 3);
  });

  it("table4: both distillation templates", async () => {
    const rows = await filled("table4");
    expect(distinct(rows.map(({ dataset, distill_template }) => `${dataset} ${distill_template}`))).toEqual([
      "null null",
      "openfunctions null",
      "openfunctions refer",
      "openfunctions using",
      "dolly null",
      "dolly refer",
      "dolly using",
    ]);
    expect(rows).toHaveLength(7 * 6);
  });

  it("fig4: general knowledge after each of six trainings", async () => {
    const rows = await filled("fig4");
    expect(trainings(rows)).toHaveLength(13);
    expect(tasks(rows)).toEqual(
      expect.arrayContaining([
        "mmlu",
        "truthfulqa_mc1",
        "truthfulqa_mc2",
        "arc_easy",
        "arc_challenge",
        "hellaswag",
        "winogrande",
      ]),
    );
  });

  it.each(["fig5", "fig6"])("%s: four sample sizes", async (name) => {
    const rows = await filled(name);
    expect(distinct(rows.map(({ samples }) => samples))).toEqual([null, 2, 4, 6, 8]);
    if (name === "fig6")
      expect(distinct(rows.filter(({ task }) => task === "shift").map(({ metric }) => metric))).toEqual([
        "bleu4",
        "rouge_l",
        "similarity",
        "parameter_shift",
      ]);
    expect(readdirSync(join(folder, name, "figures")).length).toBeGreaterThan(0);
  });

  it.each(["fig7", "fig8"])("%s: five mix ratios", async (name) => {
    const rows = await filled(name);
    expect(distinct(rows.map(({ mix_ratio }) => mix_ratio))).toEqual([null, 0, 0.25, 0.5, 0.75, 1]);
    expect(readdirSync(join(folder, name, "figures")).length).toBeGreaterThan(0);
  });

  it("fig9: a similarity for every answer", async () => {
    const rows = await filled("fig9");
    expect(trainings(rows)).toEqual(["seed", "vanilla alpaca", "sdft alpaca"]);
    const [run = ""] = readdirSync(join(folder, "runs")).filter((one) => one.startsWith("alpaca-sdft-using-8"));
    expect(readRows("runs", run, "sdft", "shift", "rows.jsonl")).toHaveLength(8);
  });

  it("plans without doing, and says what it is", async () => {
    const { status, stdout, stderr } = await reproduce("table1", "--dry-run", "--json", "seed=7");
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const plan = JSON.parse(stdout);
    expect(plan.label).toBe("smoke");
    expect(plan.cells).toHaveLength(7);
  });

  it("leaves a cell missing that can't be had, with exit status 1", async () => {
    const judge = "judge={endpoint: 'http://127.0.0.1:9/v1', model: nobody, key_env: SDFT_NO_SUCH_KEY}";
    const { status, stderr } = await reproduceIn(join(folder, "holes"), "table2", judge, "matrix.variant=[seed]");
    expect(status).toBe(1);
    expect(stderr).toMatch(/missing/);
    const missing = readRows("holes", "table2", "missing.jsonl");
    expect(missing.map(({ task }) => task)).toEqual(["alpaca_eval"]);
    expect(readRows("holes", "table2", "scores.jsonl").map(({ task }) => task)).toEqual([
      "advbench",
      "advbench_jailbreak",
    ]);
  });

  it("refuses a name that is none of the paper's, and a scale that is no file", async () => {
    expect(await reproduce("table9")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/did you mean "table/),
    });
    const { status, stderr } = await sdft("reproduce", "table1", "--scale", "tiny", "--out", folder);
    expect(status).toBe(2);
    expect(stderr).toMatch(/Expected smoke, small, full or a file as --scale/);
  });
});
