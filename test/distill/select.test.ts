import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { type Evidence, textEvidence } from "../../src/distill/evidence.js";
import { authorsRules, type RuleSetting } from "../../src/distill/rules/registry.js";
import { createJudge, type Rewrite, select } from "../../src/distill/select.js";
import { tasks } from "../../src/tasks/registry.js";
import type { Task } from "../../src/tasks/task.js";

function original(id: string, response: string | null, instruction = "Do."): TextExample {
  return { kind: "text", id, instruction, response, history: [], system: null, row: {} };
}
function rewrite(id: string, text: string, more: Partial<Rewrite> = {}): Rewrite {
  return { id, sample: 0, text, finish: "stop", ...more };
}

function reasonFor(
  example: TextExample,
  text: string,
  finish: Rewrite["finish"],
  task: Task | null,
  rules?: RuleSetting[],
) {
  return (
    createJudge(rules === undefined ? { task } : { task, rules })(example, { text, finish, sample: 0 })?.rule ?? null
  );
}

const call = "f(x=1)";
const functions = { task: tasks.openfunctions };
const noTask = { task: null };

describe("select", () => {
  it("keeps a rewrite that gives the original answer, and the original where none does", () => {
    const { rows, report } = select(
      [original("a", call), original("b", ` ${call}\n`)],
      [rewrite("b", "No idea."), rewrite("a", "\n The call is `f(x=1)`. ")],
      functions,
    );
    expect(rows).toEqual([
      {
        id: "a",
        instruction: "Do.",
        original: call,
        response: "The call is `f(x=1)`.",
        source: "model",
        reason: null,
        finish: "stop",
      },
      {
        id: "b",
        instruction: "Do.",
        original: call,
        response: call,
        source: "original",
        reason: "wrong-answer",
        finish: "stop",
      },
    ]);
    expect(report).toEqual({
      rows: 2,
      kept: 1,
      copied: 0,
      reasons: { "wrong-answer": 1 },
      keptWithin: [1],
      chosen: [1],
      samples: { total: 2, judged: 2, reasons: { "wrong-answer": 1 } },
    });
  });

  it("gives the first rule that rejects as the reason", () => {
    const reasonOf = (text: string, finish: Rewrite["finish"] = "stop") =>
      reasonFor(original("a", call), text, finish, tasks.openfunctions);
    expect(reasonOf(" \n")).toBe("empty");
    expect(reasonOf(`My response: ${call}`, "length")).toBe("not-ended");
    expect(reasonOf(`My response: ${call}`)).toBe("banned-phrase");
    expect(reasonOf("f(x=2)")).toBe("wrong-answer");
    expect(reasonOf(call, null)).toBeNull();
  });

  it("can apply the authors' rules alone", () => {
    const judge = (text: string, finish: Rewrite["finish"]) =>
      reasonFor(original("a", "x"), text, finish, tasks.alpaca, [...authorsRules]);
    expect(judge("", "length")).toBeNull();
    expect(judge("Your turn", "stop")).toBe("banned-phrase");
  });

  it("checks no answer for data without a task, nor where the check is only a score", () => {
    expect(reasonFor(original("a", "x"), "y", "stop", null)).toBeNull();
    expect(reasonFor(original("a", "Sure"), "Sure", "stop", tasks.advbench)).toBeNull();
  });

  it("takes the first accepted of several samples, in their order", () => {
    const samples = [
      rewrite("a", `third ${call}`, { sample: 2 }),
      rewrite("a", "first", { sample: 0, finish: "length" }),
      rewrite("a", `second ${call}`, { sample: 1 }),
    ];
    const { rows, report } = select([original("a", call)], samples, functions);
    expect(rows[0]).toMatchObject({ response: `second ${call}`, source: "model", reason: null, finish: "stop" });
    expect(report).toMatchObject({
      kept: 1,
      reasons: {},
      samples: { total: 3, judged: 2, reasons: { "not-ended": 1 } },
    });
  });

  it("takes the likeliest of the accepted, on a tie the earlier one, and counts the yield of each number of samples", () => {
    const logprobs = [-1, -3, -2, -2];
    const evidence: Evidence = { ...textEvidence, logprob: (_, sample) => logprobs[Number(sample)] ?? null };
    const texts = ["first", `second ${call}`, `third ${call}`, `fourth ${call}`];
    const samples = texts.map((text, sample) => rewrite("a", text, { sample }));
    const { rows, verdicts, report } = select([original("a", call)], samples, {
      ...functions,
      choose: "best",
      evidence,
    });
    expect(rows[0]).toMatchObject({ response: `third ${call}`, source: "model", reason: null });
    expect(verdicts.map(({ rule, chosen }) => [rule, chosen])).toEqual([
      ["wrong-answer", false],
      [null, false],
      [null, true],
      [null, false],
    ]);
    expect(report).toMatchObject({ keptWithin: [0, 1, 1, 1], chosen: [0, 0, 1, 0], samples: { total: 4, judged: 4 } });
    const unscored = () => select([original("a", call)], samples, { ...functions, choose: "best" });
    expect(unscored).toThrow(/Expected log-probabilities for the choice of the best rewrite/);
  });

  it("counts rewrites that copy the original", () => {
    expect(select([original("a", call)], [rewrite("a", call)], functions).report.copied).toBe(1);
  });

  it("refuses ids that are missing, unknown or there twice", () => {
    const two = [original("a", call), original("b", call)];
    expect(() => select(two, [rewrite("a", call)], noTask)).toThrow(/each of the 2 rows but 1 have none: b/);
    expect(() => select(two, [rewrite("c", call)], noTask)).toThrow(/id "c", but the data has no row/);
    expect(() => select(two, [rewrite("a", call), rewrite("a", "x")], noTask)).toThrow(/sample 0, but there are two/);
    expect(() => select([...two, original("a", call)], [], noTask)).toThrow(/"a" stands there twice/);
    expect(() => select([original("a", null)], [rewrite("a", "x")], noTask)).toThrow(/Row a has no response/);
  });

  it("keeps the original where the reference call is malformed, names the row and goes on", () => {
    const originals = [original("a", "f("), original("b", call)];
    const { rows, verdicts } = select(originals, [rewrite("a", "f("), rewrite("b", call)], functions);
    expect(rows).toMatchObject([
      { id: "a", response: "f(", source: "original", reason: "wrong-answer" },
      { id: "b", source: "model", reason: null },
    ]);
    expect(verdicts[0]?.detail).toMatch(/row a to be a function call/);
  });
});
