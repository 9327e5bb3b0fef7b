import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codeQuestion, lastFunction } from "../../src/tasks/code-question.js";
import { sharedPath } from "../shared-folder.js";

const program = `from typing import List


def helper(x: int) -> int:
    """ Not this one. """
    return x


def total(numbers: List[int], start: dict = {"a": 0}) -> List[int]:
    """ Adds up.
    Blank lines don't count:

      >>> total([1, 2])
      3
    """
`;

describe("codeQuestion", () => {
  it("asks for the last function by its header and docstring, dedented", () => {
    expect(codeQuestion(program, "0")).toEqual({
      instruction:
        'Write a Python function `total(numbers: List[int], start: dict = {"a": 0}) -> List[int]` to solve the following problem:\n' +
        "Adds up.\nBlank lines don't count:\n\n  >>> total([1, 2])\n  3",
      opening: program.trimEnd(),
    });
  });

  it("takes either kind of quotes, or none", () => {
    expect(lastFunction("def f(a):\n    '''One\n    \"\"\"two\"\"\" '''\n")).toEqual({
      signature: "f(a)",
      docstring: 'One\n"""two"""',
    });
    expect(lastFunction("def f(a):\n    pass\n")).toEqual({ signature: "f(a)", docstring: "" });
  });

  it("names the row without a function", () => {
    expect(() => codeQuestion("x = 1", "7")).toThrow(/def name.*row 7/);
  });
});

const file = sharedPath("data", "HumanEval.jsonl");

describe.skipIf(file === null)("HumanEval's rows", () => {
  it("each give the header of their entry point and a docstring", () => {
    const rows = readFileSync(file ?? "", "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { prompt: string; entry_point: string });
    expect(rows).toHaveLength(164);
    for (const { prompt, entry_point } of rows) {
      const found = lastFunction(prompt);
      expect(found?.signature.startsWith(`${entry_point}(`), entry_point).toBe(true);
      expect(found?.signature.endsWith(":"), entry_point).toBe(false);
      expect(found?.docstring, entry_point).not.toBe("");
      expect(found?.docstring.includes('"""'), entry_point).toBe(false);
    }
  });
});
