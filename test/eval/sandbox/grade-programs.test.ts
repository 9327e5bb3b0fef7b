import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unconfined } from "../../../src/eval/sandbox/find-sandbox.js";
import { gradePrograms } from "../../../src/eval/sandbox/grade-programs.js";
import { defaultLimits } from "../../../src/eval/sandbox/limits.js";
import { findPython } from "../../../src/eval/sandbox/python.js";
import { temporaryFolder } from "../../temporary-folder.js";

const folder = temporaryFolder();
const sandbox = unconfined(await findPython(), defaultLimits);

/** Leaves a line in the file each time it runs. */
const counting = (path: string, end = "pass"): string => `open(${JSON.stringify(path)}, "a").write("ran\\n")\n${end}`;
const runs = (path: string): number => readFileSync(path, "utf8").split("\n").length - 1;

describe("gradePrograms", () => {
  it("runs each distinct program once, and never again", async () => {
    const place = join(folder, "once");
    const log = join(folder, "once.log");
    const rows = [
      { id: "a", sample: 0, program: counting(log) },
      { id: "a", sample: 1, program: counting(log, "assert False") },
      { id: "a", sample: 2, program: counting(log) },
      { id: "b", sample: 0, program: counting(log) },
    ];
    const verdicts = await gradePrograms(rows, { sandbox, folder: place, parallel: 1 });
    expect(verdicts.map(({ id, sample, outcome }) => [id, sample, outcome])).toEqual([
      ["a", 0, "passed"],
      ["a", 1, "failed"],
      ["a", 2, "passed"],
      ["b", 0, "passed"],
    ]);
    expect(runs(log)).toBe(2);
    expect(await gradePrograms(rows, { sandbox, folder: place })).toEqual(verdicts);
    expect(runs(log)).toBe(2);
    expect(JSON.parse(readFileSync(join(place, "sandbox.json"), "utf8"))).toMatchObject({
      method: "none",
      python: sandbox.python.version,
    });
    const slower = { ...sandbox, limits: { ...defaultLimits, seconds: 11 } };
    await gradePrograms(rows, { sandbox: slower, folder: place });
    expect(runs(log)).toBe(4);
  });

  it("goes on where it was interrupted", async () => {
    const place = join(folder, "resumed");
    const log = join(folder, "resumed.log");
    writeFileSync(log, "");
    const rows = ["a", "b", "c"].map((id) => ({ id, sample: 0, program: counting(log, `name = "${id}"`) }));
    const stop = new AbortController();
    const reporter = { progress: () => stop.abort(), finish: () => {}, note: () => {}, warn: () => {} };
    const cut = gradePrograms(rows, { sandbox, folder: place, parallel: 1, reporter, signal: stop.signal });
    await expect(cut).rejects.toThrow(/interrupted/);
    expect(runs(log)).toBe(1);
    expect(await gradePrograms(rows, { sandbox, folder: place })).toHaveLength(3);
    expect(runs(log)).toBe(3);
  });

  it("is no verdict where the sandbox can't be made", async () => {
    const broken = { ...sandbox, python: { ...sandbox.python, executable: "/nonexistent/python" } };
    await expect(
      gradePrograms([{ id: "a", sample: 0, program: "" }], { sandbox: broken, folder: null }),
    ).rejects.toThrow(/could not be started at \/nonexistent\/python/);
  });
});
