import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { matchPredictions, type PredictionLine } from "../../src/distill/foreign-rewrites.js";

function original(id: string, response: string): TextExample {
  return { kind: "text", id, instruction: "Do.", response, history: [], system: null, row: {} };
}
function line(at: number, output: string, more: Partial<PredictionLine> = {}): PredictionLine {
  return { id: String(at - 1), idFrom: "order", output, label: null, finish: null, line: at, ...more };
}

const data = [original("x", "one two"), original("y", "three")];

describe("matchPredictions", () => {
  it("goes by order where no line has an id", () => {
    expect(
      matchPredictions(data, [line(1, "A", { label: "onetwo" }), line(2, "B", { label: "thr" })], "p.jsonl"),
    ).toEqual([
      { id: "x", sample: 0, text: "A", finish: null },
      { id: "y", sample: 0, text: "B", finish: null },
    ]);
  });

  it("goes by id where every line has one", () => {
    const lines = [
      line(1, "B", { id: "y", idFrom: "row" }),
      line(2, "A", { id: "x", idFrom: "row", finish: "length" }),
    ];
    expect(matchPredictions(data, lines, "p.jsonl").map(({ id }) => id)).toEqual(["y", "x"]);
  });

  it("refuses another number of lines, ids on some lines only, and unknown ids", () => {
    expect(() => matchPredictions(data, [line(1, "A")], "p.jsonl")).toThrow(/expected 2 lines, .* but found 1/);
    expect(() => matchPredictions(data, [line(1, "A"), line(2, "B", { idFrom: "row", id: "y" })], "p.jsonl")).toThrow(
      /id on every line of p\.jsonl or on none, but line 1/,
    );
    expect(() => matchPredictions(data, [line(3, "A", { idFrom: "row", id: "z" })], "p.jsonl")).toThrow(/Line 3 .*"z"/);
  });

  it("notices a shifted file by its labels", () => {
    expect(() => matchPredictions(data, [line(1, "A", { label: "three" }), line(2, "B")], "p.jsonl")).toThrow(
      /label on line 1 of p\.jsonl to be the response of row x/,
    );
  });
});
