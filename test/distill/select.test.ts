import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { authorsRules, parseRuleNames } from "../../src/distill/rules/registry.js";
import { judgeRewrite, type Rewrite, select } from "../../src/distill/select.js";
import { tasks } from "../../src/tasks/registry.js";

function original(id: string, response: string | null, instruction = "Do."): TextExample {
  return { kind: "text", id, instruction, response, history: [], system: null, row: {} };
}
function rewrite(id: string, text: string, more: Partial<Rewrite> = {}): Rewrite {
  return { id, sample: 0, text, finish: "stop", ...more };
}

const call = "f(x=1)";

describe("select", () => {
  it("keeps a rewrite that gives the original answer, and the original where none does", () => {
    const { rows, report } = select(
      [original("a", call), original("b", ` ${call}\n`)],
      [rewrite("b", "No idea."), rewrite("a", "\n The call is `f(x=1)`. ")],
      tasks.openfunctions,
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
      samples: { total: 2, judged: 2, reasons: { "wrong-answer": 1 } },
    });
  });

  it("gives the first rule that rejects as the reason", () => {
    const reasonOf = (text: string, finish: Rewrite["finish"] = "stop") =>
      judgeRewrite(original("a", call), { text, finish }, tasks.openfunctions);
    expect(reasonOf(" \n")).toBe("empty");
    expect(reasonOf(`My response: ${call}`, "length")).toBe("not-ended");
    expect(reasonOf(`My response: ${call}`)).toBe("banned-phrase");
    expect(reasonOf("f(x=2)")).toBe("wrong-answer");
    expect(reasonOf(call, null)).toBeNull();
  });

  it("can apply the authors' rules alone", () => {
    const judge = (text: string, finish: Rewrite["finish"]) =>
      judgeRewrite(original("a", "x"), { text, finish }, tasks.alpaca, authorsRules);
    expect(judge("", "length")).toBeNull();
    expect(judge("Your turn", "stop")).toBe("banned-phrase");
    expect(parseRuleNames(["wrong-answer", "empty"])).toEqual(["empty", "wrong-answer"]);
    expect(() => parseRuleNames(["too-long"])).toThrow(/Expected a rule \(empty, /);
  });

  it("checks no answer for data without a task, nor where the check is only a score", () => {
    expect(judgeRewrite(original("a", "x"), { text: "y", finish: "stop" }, null)).toBeNull();
    expect(judgeRewrite(original("a", "Sure"), { text: "Sure", finish: "stop" }, tasks.advbench)).toBeNull();
  });

  it("takes the first accepted of several samples, in their order", () => {
    const samples = [
      rewrite("a", `third ${call}`, { sample: 2 }),
      rewrite("a", "first", { sample: 0, finish: "length" }),
      rewrite("a", `second ${call}`, { sample: 1 }),
    ];
    const { rows, report } = select([original("a", call)], samples, tasks.openfunctions);
    expect(rows[0]).toMatchObject({ response: `second ${call}`, source: "model", reason: null, finish: "stop" });
    expect(report).toMatchObject({
      kept: 1,
      reasons: {},
      samples: { total: 3, judged: 2, reasons: { "not-ended": 1 } },
    });
  });

  it("counts rewrites that copy the original", () => {
    expect(select([original("a", call)], [rewrite("a", call)], tasks.openfunctions).report.copied).toBe(1);
  });

  it("refuses ids that are missing, unknown or there twice", () => {
    const two = [original("a", call), original("b", call)];
    expect(() => select(two, [rewrite("a", call)], null)).toThrow(/each of the 2 rows but 1 have none: b/);
    expect(() => select(two, [rewrite("c", call)], null)).toThrow(/id "c", but the data has no row/);
    expect(() => select(two, [rewrite("a", call), rewrite("a", "x")], null)).toThrow(/sample 0, but there are two/);
    expect(() => select([...two, original("a", call)], [], null)).toThrow(/"a" stands there twice/);
    expect(() => select([original("a", null)], [rewrite("a", "x")], null)).toThrow(/Row a has no response/);
  });

  it("names the row whose reference call is malformed", () => {
    expect(() => select([original("a", "f(")], [rewrite("a", "f(")], tasks.openfunctions)).toThrow(/row a/);
  });
});
