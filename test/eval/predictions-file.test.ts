import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readOwnPredictions, readPredictions } from "../../src/eval/predictions-file.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();

function file(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

describe("readPredictions", () => {
  it("reads LLaMA-Factory's names in order, and ours by id", async () => {
    const path = file("a.jsonl", '{"prompt":"p","predict":"x","label":"y"}', "", '{"predict":"z","label":3}');
    expect(await readPredictions(path)).toEqual([
      { id: "0", idFrom: "order", prompt: "p", output: "x", label: "y", finish: null, correct: null, line: 1 },
      { id: "1", idFrom: "order", prompt: null, output: "z", label: "3", finish: null, correct: null, line: 3 },
    ]);
    const own = file("b.jsonl", '{"id":7,"output":"x","finish":"length"}');
    expect(await readPredictions(own)).toMatchObject([{ id: "7", idFrom: "row", label: null, finish: "length" }]);
  });

  it("reads a file with a byte order mark, and refuses one that is not UTF-8", async () => {
    const marked = file("marked.jsonl", '\ufeff{"id":"a","predict":"x"}\r');
    expect(await readPredictions(marked)).toMatchObject([{ id: "a", output: "x" }]);
    const latin = join(folder, "latin.jsonl");
    writeFileSync(latin, Buffer.from('{"predict":"x"}\n{"predict":"caf\xe9"}\n', "latin1"));
    await expect(readPredictions(latin)).rejects.toThrow(/not UTF-8 \(line 2\)/);
  });

  it("names file, line and column of a fault", async () => {
    await expect(readPredictions(file("c.jsonl", '{"predict":"x"}', '{"label":"y"}'))).rejects.toThrow(
      /"predict" or "output" on line 2 of .*c\.jsonl/,
    );
    await expect(readPredictions(file("d.jsonl", '{"predict":'))).rejects.toThrow(
      /Line 1 of .*d\.jsonl is not valid JSON/,
    );
    await expect(readPredictions(file("e.jsonl", "[]"))).rejects.toThrow(/Expected a JSON object on line 1/);
    await expect(readPredictions(file("f.jsonl"))).rejects.toThrow(/at least one prediction/);
    await expect(readPredictions(file("g.jsonl", '{"id":1,"predict":""}', '{"id":"1","predict":""}'))).rejects.toThrow(
      /"1" stands on lines 1 and 2/,
    );
    await expect(readPredictions(join(folder, "none.jsonl"))).rejects.toThrow(
      /Expected a file of predictions at .*no such file/,
    );
  });
});

describe("readOwnPredictions", () => {
  it("refuses rows of another kind", async () => {
    await expect(readOwnPredictions(file("h.jsonl", '{"id":"1"}'))).rejects.toThrow(/Line 1 of .*h\.jsonl/);
  });
});
