// The published numbers against the paper's own text, and the slips that the footnotes tell of.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type PublishedTable, placeOf } from "../../../src/report/paper/published.js";
import { findPublished, published } from "../../../src/report/paper/registry.js";
import { sharedPath } from "../../shared-folder.js";

const tables = [published.table1, published.table2, published.table3, published.table4];
const paper = sharedPath("paper/sdft-paper.txt");

/** The lines of a table's rows, told by their number of tab-separated cells, before its caption. */
function printedRows(text: string, table: PublishedTable): number[][] {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => line.startsWith(`${table.name}:`));
  const start = lines.slice(0, end).findLastIndex((line) => /^(Method|Dataset for FT)\t/.test(line));
  return lines
    .slice(start + 1, end)
    .filter((line) => line.includes("\t"))
    .map((line) => {
      const plain = line.replace(/\([^)]*\)/g, "").replace(/\\(up|down)arrow [\d.]+/g, "");
      return [...plain.matchAll(/\d+\.\d+/g)].map(([number]) => Number(number));
    });
}

describe("the published tables", () => {
  it("have a number for each cell, the average included", () => {
    for (const table of tables) {
      const width = table.columns.length + (table.average === null ? 0 : 1);
      expect(table.values.map((row) => row.length)).toEqual(table.rows.map(() => width));
      for (const { cells } of table.footnotes)
        for (const [row, column] of cells) expect(table.values[row]?.[column]).toBeTypeOf("number");
    }
  });

  it.skipIf(paper === null)("equal the paper's text", () => {
    const text = readFileSync(paper ?? "", "utf8");
    for (const table of [published.table1, published.table3, published.table4]) {
      expect(printedRows(text, table), table.name).toEqual(table.values);
    }
    // Table 2 prints vanilla → SDFT in one cell.
    const [seed = [], ...pairs] = printedRows(text, published.table2);
    const vanilla = pairs.map((row) => row.filter((_, index) => index % 2 === 0));
    const sdft = pairs.map((row) => row.filter((_, index) => index % 2 === 1));
    expect([seed, ...vanilla, ...sdft]).toEqual(published.table2.values);
  });

  it("have the paper's averages, which are right", () => {
    for (const [...numbers] of published.table1.values) {
      const average = numbers.pop() ?? Number.NaN;
      expect(Math.abs(numbers.reduce((sum, value) => sum + value, 0) / 3 - average)).toBeLessThan(0.06);
    }
  });

  it("name the slips of the paper", () => {
    const [, , , vanilla = [], , , sdft = []] = published.table1.values;
    expect((sdft[0] ?? 0) - (vanilla[0] ?? 0)).toBeCloseTo(4.4);
    expect(published.table1.footnotes[0]?.text).toContain("↑5.4; it is 4.4");
    const { values: mixed } = published.table3;
    const { values: ablation } = published.table4;
    expect(mixed[5]).toEqual([ablation[4]?.[3], ablation[5]?.[4], ablation[4]?.[5]]);
    expect(published.table2.footnotes[0]?.text).toContain("66.03");
  });
});

describe("placeOf", () => {
  it("says where a number stands", () => {
    expect(placeOf(published.table1, 5, 2)).toBe("Table 1, SDFT (Ours), GSM8K, column HumanEval");
    expect(placeOf(published.table1, 0, 3)).toBe("Table 1, Seed LM, column Average");
  });
});

describe("findPublished", () => {
  it("knows tables and figures, and nothing else", () => {
    expect(findPublished("fig7")).toMatchObject({ name: "Figure 7", shows: "performance by mix ratio" });
    expect(findPublished("table5")).toBeNull();
    expect(findPublished("toString")).toBeNull();
    expect(findPublished(null)).toBeNull();
  });
});
