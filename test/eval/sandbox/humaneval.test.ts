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

// A machine that is busy with other tests may need longer than ten seconds for a slow solution.
const [sandbox] = await workingSandboxes({ ...defaultLimits, seconds: 60 });
const folder = temporaryFolder();

describe.each([
  { name: "HumanEval", path: sharedPath("data", "HumanEval.jsonl"), problems: 164 },
  {
    name: "the miniature set",
    path: join(import.meta.dirname, "../../../examples/smoke/humaneval.jsonl"),
    problems: 8,
  },
])("$name", ({ name, path, problems }) => {
  const skipped = path === null || sandbox === undefined;
  const lines = path === null ? [] : readFileSync(path, "utf8").trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as Record<string, string>);
  const grade = async (what: string, completion: (row: Record<string, string>) => string) => {
    if (sandbox === undefined) return [];
    const programs = rows.map((row) => {
      const id = String(row.task_id);
      return { id, sample: 0, program: assembleProgram(readProblem(row, id), completion(row), false) };
    });
    return gradePrograms(programs, { sandbox, folder: join(folder, name, what) });
  };

  it.skipIf(skipped)("passes every canonical solution", async () => {
    const verdicts = await grade("whole", (row) => `\n${row.canonical_solution}`);
    expect(verdicts.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(verdicts.length).toBeGreaterThanOrEqual(problems);
  });

  it.skipIf(skipped)("fails every emptied one", async () => {
    const verdicts = await grade("empty", () => "");
    expect(verdicts.filter(({ outcome }) => outcome !== "failed")).toEqual([]);
    expect(verdicts.length).toBeGreaterThanOrEqual(problems);
  });
});
