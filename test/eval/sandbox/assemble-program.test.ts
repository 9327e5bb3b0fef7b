import { describe, expect, it } from "vitest";
import { assembleProgram, cutCompletion, readProblem } from "../../../src/eval/sandbox/assemble-program.js";

describe("cutCompletion", () => {
  it.each([
    ["\n    return 1\n\n", "\n    return 1"],
    ["\n    return 1\ndef other():\n    pass", "\n    return 1"],
    ["\n    x = 1\n    return x\nprint(f(1))", "\n    x = 1\n    return x"],
    ["\n    return 1\n# then\n", "\n    return 1"],
    ["\n    return 1<|endoftext|>\n    return 2", "\n    return 1"],
    // No stop string, but a line that is not indented.
    ["\n    return 1\nThis works because", "\n    return 1"],
    ["\n    a = 1\n\n\n\treturn a\n```\n", "\n    a = 1\n\n\n\treturn a"],
    // A stop string counts where it stands, even inside a longer word.
    ["\n    return 1\niffy = 2", "\n    return 1"],
    ["return 1", ""],
    ["", ""],
  ])("%j → %j", (output, expected) => {
    expect(cutCompletion(output)).toBe(expected);
  });

  it("trims as Python does", () => {
    expect(cutCompletion("\n    return 1\u001c\u00a0\n")).toBe("\n    return 1");
    expect(cutCompletion("\n    return 1\ufeff")).toBe("\n    return 1\ufeff");
  });
});

describe("assembleProgram", () => {
  const problem = {
    prompt: 'def f():\n    """Gives 1."""\n\n',
    test: "def check(c):\n    assert c() == 1",
    entryPoint: "f",
  };

  it("puts imports, prompt, completion, tests and the call together", () => {
    const program = assembleProgram(problem, "\n    return 1\n\nprint(f())", false);
    expect(program.slice(program.indexOf("def f"))).toBe(
      'def f():\n    """Gives 1."""\n    return 1\n\ndef check(c):\n    assert c() == 1\ncheck(f)\n',
    );
    expect(program.slice(0, program.indexOf("def f")).trim().split("\n")).toEqual([
      ...["math", "re", "sys", "copy", "datetime", "itertools", "collections", "heapq"].map((name) => `import ${name}`),
      ...["statistics", "functools", "hashlib", "string"].map((name) => `import ${name}`),
      "from typing import *",
      "from collections import *",
    ]);
    expect(assembleProgram(problem, "", true)).toMatch(
      /import hashlib\nimport numpy\nimport numpy as np\nimport string\n/,
    );
  });

  it("names the problem that lacks a column", () => {
    expect(() => readProblem({ prompt: "x", test: "y" }, "7")).toThrow(/"entry_point" of problem 7 .* no such column/);
  });
});
