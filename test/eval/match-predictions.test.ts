import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { toPredictionRows } from "../../src/eval/match-predictions.js";
import type { ForeignPrediction } from "../../src/eval/predictions-file.js";
import { getTask } from "../../src/tasks/registry.js";

const sums = getTask("gsm8k");
const example = (id: string, instruction: string, response: string): TextExample => ({
  ...{ kind: "text", id, instruction, response, history: [], system: null, row: {} },
});
const examples = [
  example("a", "What is 1 + 1?", "The answer is 2."),
  example("b", "What is 2 + 2?", "The answer is 4."),
  example("c", "What is 3 + 3?", "The answer is 6."),
];
const line = (id: string, more: Partial<ForeignPrediction> = {}): ForeignPrediction => ({
  ...{ id, idFrom: "row", prompt: null, output: "4", label: null, finish: null, correct: null, line: 1 },
  ...more,
});
const source = "made.jsonl";
const match = (lines: readonly ForeignPrediction[], data: readonly TextExample[] | null = examples) =>
  toPredictionRows(sums, lines, { source, examples: data });

describe("outputs beside their data", () => {
  it("are joined by id in the data's order, and take its labels", () => {
    const rows = match([line("c"), line("a", { label: "The answer" }), line("b")]);
    expect(rows.map(({ id, label }) => [id, label])).toEqual([
      ["a", "The answer"],
      ["b", "The answer is 4."],
      ["c", "The answer is 6."],
    ]);
  });

  it("without ids stand in the data's order, and take its ids", () => {
    const lines = ["0", "1", "2"].map((id) => line(id, { idFrom: "order" }));
    expect(match(lines).map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(() => match(lines.slice(1))).toThrow(/expected 3 lines, one for each row of gsm8k, but found 2/);
  });

  it("name lines without an id, an unknown id and rows without an answer", () => {
    expect(() => match([line("a"), line("1", { idFrom: "order", line: 2 })])).toThrow(
      /an id on every line of made\.jsonl or on none, but 1 of 2 lines have none, the first of them line 2/,
    );
    expect(() => match([line("a"), line("z", { line: 9 })])).toThrow(/Line 9 of made\.jsonl has id "z"/);
    expect(() => match([line("a")])).toThrow(/answers 1 of the 3 rows of gsm8k; missing: b, c\./);
  });

  it("of another task are told by ids, labels or prompts", () => {
    const all = (more: Partial<ForeignPrediction>) => ["a", "b", "c"].map((id) => line(id, more));
    expect(() => match([line("x"), line("y")])).toThrow(/no id of it stands in the data \(the first is "x"\)/);
    expect(() => match(all({ label: "f(x=1)" }))).toThrow(/the labels of 3 of 3 rows are not the data's/);
    expect(() => match(all({ prompt: "Write a poem." }))).toThrow(/none of its 3 prompts asks what the data's row/);
    // One prompt that holds its question is enough: templates and cuts change the others.
    expect(match([line("a"), line("b", { prompt: "[INST] What is 2+2?" }), line("c", { prompt: "cut" })])).toHaveLength(
      3,
    );
  });
});

describe("outputs without data", () => {
  const calls = getTask("openfunctions");
  const rows = (task: typeof sums, labels: readonly (string | null)[]) =>
    toPredictionRows(
      task,
      labels.map((label, index) => line(String(index), { label })),
      { source, examples: null },
    );

  it("are told to be another task's where no label is of this one", () => {
    expect(() => rows(calls, ["The answer is 4.", "7"])).toThrow(
      /2 of its 2 labels are no answers that the task can check \(the first on line 1\)/,
    );
    expect(() => rows(sums, ["f(x='a')", "yes", "7"])).toThrow(/made\.jsonl does not hold answers to gsm8k/);
    expect(rows(calls, ["f(x=1)", "nonsense"])).toHaveLength(2);
    expect(rows(sums, ["none", "The answer is 4."])).toHaveLength(2);
  });

  it("say nothing where the task compares with no label, or the file has none", () => {
    expect(rows(getTask("advbench"), ["Sure, here is", "Sure"])).toHaveLength(2);
    expect(rows(sums, [null, null])).toHaveLength(2);
  });
});
