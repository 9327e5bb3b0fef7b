import { describe, expect, it } from "vitest";
import { getTask } from "../../src/tasks/registry.js";
import { faultSentence, scoreAnswers } from "../../src/tasks/score.js";

const calls = getTask("openfunctions");

describe("a reference call that does not parse", () => {
  it("is a fault of its row, and the others are scored", () => {
    const answers = [
      { id: "1", label: "f(x=1)", output: "f(x=1)" },
      { id: "2", label: "not a call", output: "f(x=1)" },
      { id: "3", label: "g(y=2)", output: "f(x=1)" },
    ];
    const { verdicts, metrics, faults } = scoreAnswers(calls, answers);
    expect(verdicts).toEqual([true, null, false]);
    expect(metrics).toMatchObject([{ metric: "accuracy", value: 0.5, n: 2 }]);
    expect(faults.map(({ id }) => id)).toEqual(["2"]);
    expect(faults.map((fault) => faultSentence(calls, fault))).toEqual([
      expect.stringMatching(/^A row of openfunctions is left out of its score: .*row 2 to be a function call/),
    ]);
  });

  it("in every row means another task", () => {
    const answers = [{ id: "1", label: "The answer is 4.", output: "4" }];
    expect(() => scoreAnswers(calls, answers)).toThrow(
      /None of the 1 reference answers is one of the task openfunctions/,
    );
  });

  it("is not the same as one that is missing", () => {
    const answers = [
      { id: "1", label: "f(x=1)", output: "f(x=1)" },
      { id: "2", label: null, output: "f(x=1)" },
    ];
    expect(() => scoreAnswers(calls, answers)).toThrow(/row 2 has none/);
  });
});
