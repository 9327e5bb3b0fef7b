import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { arrayElementLines } from "../../src/formats/json.js";
import { findJsonFault } from "../../src/formats/json-fault.js";
import { readRows } from "../../src/formats/rows.js";
import { fixturesFolder } from "../shared-folder.js";
import { fileFolder } from "./file-folder.js";

const folder = fileFolder();

describe("readRows", () => {
  it.each(["rows", "snappy"])("reads %s.parquet with nested lists and 64-bit integers", async (name) => {
    const { rows, lineOf } = await readRows(join(fixturesFolder, "parquet", `${name}.parquet`));
    expect(rows).toEqual([
      { id: 10, instruction: "Add.", input: "1 2", output: "3", history: [["a", "b"]], tokens: [1, 2] },
      { id: 11, instruction: "Café?", input: null, output: "Oui", history: [], tokens: [3] },
      { id: 12, instruction: "Three", input: "", output: "3", history: null, tokens: [] },
    ]);
    expect(lineOf(0)).toBeNull();
  });

  it("says that a file is no Parquet", async () => {
    await expect(readRows(folder.write("x.parquet", "PAR1 not really"))).rejects.toThrow(
      /x\.parquet can't be read as Parquet/,
    );
  });

  it.each(["\n", "\r\n"])("knows the lines of CSV records with line ends %j", async (end) => {
    const text = ["a,b", '1,"x', 'y"', "", "2,z", '"q""r",""'].join(end);
    const { rows, lineOf } = await readRows(folder.write("lines.csv", text));
    expect(rows).toEqual([
      { a: "1", b: `x${end}y` },
      { a: "2", b: "z" },
      { a: 'q"r', b: "" },
    ]);
    expect([0, 1, 2].map(lineOf)).toEqual([2, 5, 6]);
  });

  it("reads tabs, and refuses a column named twice", async () => {
    expect((await readRows(folder.write("t.tsv", "a\tb\n1\t2\n"))).rows).toEqual([{ a: "1", b: "2" }]);
    await expect(readRows(folder.write("twice.csv", "a,a\n1,2\n"))).rejects.toThrow(/column "a" stands twice/);
  });

  it("skips blank lines of JSON Lines and counts them", async () => {
    const { rows, lineOf } = await readRows(folder.write("gaps.jsonl", '\uFEFF{"a":1}\r\n\r\n  \n{"a":2}'));
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect([0, 1].map(lineOf)).toEqual([1, 4]);
  });

  it("refuses rows that are no objects", async () => {
    await expect(readRows(folder.write("n.json", "[1]"))).rejects.toThrow(
      /row 1, line 1: expected an object but found the number 1/,
    );
    await expect(readRows(folder.write("o.json", '{"a":\n1}'))).rejects.toThrow(
      /Expected an array of rows in .*o\.json but found an object/,
    );
    await expect(readRows(folder.write("l.jsonl", "[]"))).rejects.toThrow(
      /line 1: expected an object but found an array/,
    );
  });
});

describe("arrayElementLines", () => {
  it("is not misled by brackets, quotes and commas inside strings", () => {
    const text = '[\n{"a": "x,]}\\"[{"},\n\n  {"b": [1,\n2]}, {"c": {}}\n]';
    expect(JSON.parse(text)).toHaveLength(3);
    expect(arrayElementLines(text)).toEqual([2, 4, 5]);
    expect(arrayElementLines("[]")).toEqual([]);
  });
});

describe("findJsonFault", () => {
  it.each<[string, number, number, string]>([
    ['{"a":}', 1, 6, 'expected a value but found "}"'],
    ['{"a":1,\n}', 2, 1, 'expected a key in double quotes but found "}"'],
    ["[1,\n2", 2, 2, 'expected "," or "]" but found the end of the text'],
    ["[1] 2", 1, 5, 'unexpected "2" after the end'],
    ['"a\nb"', 1, 3, "a line feed or control character inside a string"],
    ['"a\\x"', 1, 3, "an unknown escape in a string"],
    ['["abc', 1, 6, "the text ends inside a string"],
    ["", 1, 1, "expected a value but found the end of the text"],
    ["{'a':1}", 1, 2, `expected a key in double quotes but found "'"`],
    ["[01]", 1, 3, 'expected "," or "]" but found "1"'],
  ])("%j", (text, line, column, reason) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(findJsonFault(text)).toEqual({ line, column, reason });
  });
});
