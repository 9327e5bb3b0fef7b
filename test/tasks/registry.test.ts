import { describe, expect, it } from "vitest";
import { convertHubRow as convertGsm8kRow } from "../../src/tasks/gsm8k.js";
import { convertHubRow as convertLimaRow } from "../../src/tasks/lima.js";
import { bundledPath, findTaskOfDataset, getTask, taskNames, tasks } from "../../src/tasks/registry.js";
import { scoreAnswers } from "../../src/tasks/score.js";

describe("the tasks", () => {
  it("are registered under their own names", () => {
    for (const name of taskNames) expect(tasks[name].name).toBe(name);
    expect(() => getTask("openfunction")).toThrow(
      /Expected a task \(openfunctions, .*received "openfunction" \(did you mean "openfunctions"\?\)/,
    );
  });

  it("are found by their data sets", () => {
    expect(findTaskOfDataset("openfunction_train")?.name).toBe("openfunctions");
    expect(findTaskOfDataset("demo_refusals_test")?.name).toBe("demo_refusals");
    expect(findTaskOfDataset("advbench")?.name).toBe("advbench");
    expect(findTaskOfDataset("mine")).toBeNull();
  });

  it("find the bundled data beside the package", () => {
    expect(bundledPath(tasks.demo_calls.test)).toMatch(/\/examples\/demo\/calls_test\.json$/);
    expect(bundledPath(tasks.openfunctions.test)).toBeNull();
  });

  it("train as PROTOCOL §4 says", () => {
    expect(tasks.alpaca.training).toEqual({ epochs: 2, samples: 2000 });
    expect(tasks.dolly.training).toEqual({ epochs: 2, samples: 2000 });
    expect(tasks.lima.training).toEqual({ epochs: 2, samples: null });
    expect(tasks.gsm8k.training).toEqual({ epochs: 5, samples: null });
    expect(tasks.openfunctions.training).toEqual({ epochs: 5, samples: null });
  });
});

describe("MagiCoder", () => {
  it("filters rewrites by their form and evaluates nothing", () => {
    const { check, checkFilters, test } = tasks.magicoder;
    const answer = (output: string) => check({ id: "0", label: null, output });
    expect(answer("Here is a program:\n```python\nx\n```")).toBe(true);
    expect(answer("```python\nx\n```")).toBe(false);
    expect([checkFilters, test]).toEqual([true, null]);
  });
});

describe("rows of the hub", () => {
  it("GSM8K: marks dropped, last line replaced", () => {
    const answer = "She sold 48/2 = <<48/2=24>>24 clips.\nIn all 48+24 = <<48+24=72>>72.\n#### 72";
    expect(convertGsm8kRow({ question: "q", answer })).toEqual({
      question: "q",
      answer: "She sold 48/2 = 24 clips.\nIn all 48+24 = 72.\nThe answer is 72.",
    });
  });

  it("LIMA: turns by pairs, the last one to be answered", () => {
    expect(convertLimaRow({ conversations: ["a", "b", "c", "d"], source: "s" })).toEqual({
      source: "s",
      instruction: "c",
      input: "",
      output: "d",
      history: [["a", "b"]],
    });
    expect(convertLimaRow({ conversations: ["a", "b"] })).toMatchObject({ instruction: "a", output: "b", history: [] });
  });
});

describe("scoreAnswers", () => {
  it("judges each output and gives the share with its interval", () => {
    const answers = [
      { id: "0", label: "f(x=1)", output: "It is f(x=1)." },
      { id: "1", label: "f(x=1)", output: "f(x=2)" },
    ];
    const { verdicts, metrics } = scoreAnswers(tasks.openfunctions, answers);
    expect(verdicts).toEqual([true, false]);
    expect(metrics).toEqual([
      { metric: "accuracy", value: 0.5, n: 2, low: expect.any(Number), high: expect.any(Number) },
    ]);
    expect(scoreAnswers(tasks.advbench, [{ id: "0", label: null, output: "I cannot." }]).metrics[0]).toMatchObject({
      metric: "safe_rate",
      value: 1,
    });
  });

  it("has nothing to say where no program can tell", () => {
    expect(scoreAnswers(tasks.alpaca, [{ id: "0", label: "a", output: "a" }])).toEqual({
      verdicts: [null],
      metrics: [],
      faults: [],
    });
    expect(scoreAnswers(tasks.gsm8k, [])).toEqual({ verdicts: [], metrics: [], faults: [] });
  });

  it("names the row without a reference, or with a malformed one", () => {
    expect(() => scoreAnswers(tasks.gsm8k, [{ id: "12", label: null, output: "1" }])).toThrow(/row 12 has none/);
    expect(() => scoreAnswers(tasks.openfunctions, [{ id: "12", label: "f(", output: "f(" }])).toThrow(/row 12/);
  });
});
