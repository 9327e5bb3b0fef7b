// A HumanEval problem and a model's completion as one program, as bigcode-evaluation-harness puts them together
// (humanevalsynthesize-python): PROTOCOL §5.
import { InputError } from "../../base/error.js";
import { stripTextEnd } from "../../metrics/python-text.js";
import { humaneval } from "../../tasks/humaneval.js";

/** What a problem's row holds. */
export interface Problem {
  /** Ends where the function's body is to follow. */
  readonly prompt: string;
  /** Defines `check(candidate)`. */
  readonly test: string;
  readonly entryPoint: string;
}

const importLines = (numpy: boolean): readonly string[] => [
  ...["math", "re", "sys", "copy", "datetime", "itertools", "collections", "heapq", "statistics", "functools"].map(
    (module) => `import ${module}`,
  ),
  "import hashlib",
  ...(numpy ? ["import numpy", "import numpy as np"] : []),
  "import string",
  "from typing import *",
  "from collections import *",
];

/** The columns of HumanEval.jsonl; a missing one is an error that names the row. */
export function readProblem(row: Readonly<Record<string, unknown>>, id: string): Problem {
  const text = (column: string): string => {
    const value = row[column];
    if (typeof value === "string") return value;
    throw new InputError(
      "missing_column",
      `Expected a text in column "${column}" of problem ${id} but found ${value === undefined ? "no such column" : JSON.stringify(value)}; a problem has prompt, test and entry_point, as in HumanEval.jsonl.`,
    );
  };
  return { prompt: text("prompt"), test: text("test"), entryPoint: text("entry_point") };
}

/** Cut at the first stop string, then before the first line that is neither blank nor indented. */
export function cutCompletion(output: string): string {
  const text = stripTextEnd(output);
  const ends = humaneval.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const lines = text.slice(0, Math.min(text.length, ...ends)).split("\n");
  const outside = lines.findIndex((line) => stripTextEnd(line) !== "" && !/^[ \t]/.test(line));
  return (outside < 0 ? lines : lines.slice(0, outside)).join("\n");
}

/** `numpy`: whether the interpreter has it. */
export function assembleProgram(problem: Problem, output: string, numpy: boolean): string {
  return [
    ...importLines(numpy),
    `${stripTextEnd(problem.prompt)}${cutCompletion(output)}`,
    problem.test,
    `check(${problem.entryPoint})`,
    "",
  ].join("\n");
}
