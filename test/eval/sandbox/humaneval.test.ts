// The benchmark's own solutions are the test of the whole path: each must pass, and each function without its body must fail.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assembleProgram, readProblem } from "../../../src/eval/sandbox/assemble-program.js";
import { gradePrograms } from "../../../src/eval/sandbox/grade-programs.js";
import { defaultLimits } from "../../../src/eval/sandbox/limits.js";
import { sharedPath } from "../../shared-folder.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { workingSandboxes } from "./sandboxes.js";

const path = sharedPath("data", "HumanEval.jsonl");
const [sandbox] = await workingSandboxes({ ...defaultLimits, seconds: 60 });
const folder = temporaryFolder();

describe.skipIf(path === null || sandbox === undefined)("HumanEval", () => {
  const rows = path === null ? [] : readFileSync(path, "utf8").trim().split("\n");
  const problems = rows.map((line) => JSON.parse(line) as Record<string, string>);
  const grade = async (name: string, completion: (problem: Record<string, string>) => string) => {
    if (sandbox === undefined) return [];
    const programs = problems.map((row) => {
      const id = String(row.task_id);
      return { id, sample: 0, program: assembleProgram(readProblem(row, id), completion(row), false) };
    });
    return gradePrograms(programs, { sandbox, folder: join(folder, name) });
  };

  it("passes every canonical solution", async () => {
    const verdicts = await grade("whole", (row) => `\n${row.canonical_solution}`);
    expect(verdicts).toHaveLength(164);
    expect(verdicts.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
  });

  it("fails every emptied one", async () => {
    const verdicts = await grade("empty", () => "");
    expect(verdicts).toHaveLength(164);
    expect(verdicts.filter(({ outcome }) => outcome !== "failed")).toEqual([]);
  });
});
