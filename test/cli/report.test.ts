// `sdft report` on a study's folder and on runs that have not come to their end.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeStudy } from "../report/study/made-up-study.js";
import { tableStudy } from "../report/study/studies.js";
import { summary } from "../report/summary.js";
import { temporaryFolder } from "../temporary-folder.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();

describe("sdft report", () => {
  it("shows a study's tables and writes its files and figures", async () => {
    const study = writeStudy(join(folder, "study"), tableStudy);
    const { status, stderr } = await sdft("report", study);
    expect(stderr).toContain("smoke: Table 1: Evaluation results on downstream tasks");
    expect(stderr).toMatch(/Report: file:.*study\/report\.html/);
    expect(status).toBe(0);
    for (const name of ["report.md", "report.csv", "report.json", "report.html", "figures/loss-openfunctions.svg"])
      expect(existsSync(join(study, name)), name).toBe(true);
    const { stdout } = await sdft("report", study, "--json");
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(study, "report.json"), "utf8")));
  });

  it("says what an unfinished run still has to do", async () => {
    const run = join(folder, "run");
    mkdirSync(run);
    const stage = { hash: "h", seconds: 1, finished: "2026-01-02T03:04:05Z" };
    const stages = { distill: stage, "evaluate seed gsm8k": stage };
    writeFileSync(join(run, "manifest.json"), JSON.stringify({ ...summary.manifest, stages }));
    writeFileSync(
      join(run, "run.yaml"),
      "name: x\nvariants: [seed, sdft]\nevaluate: [{task: gsm8k}, {task: advbench}]\n",
    );
    const { status, stderr } = await sdft("report", run);
    expect(stderr).toContain("scores.jsonl is missing, so there are no results to show");
    expect(stderr).toContain(
      "Still to do: evaluate seed advbench, train sdft, evaluate sdft gsm8k, evaluate sdft advbench.",
    );
    expect(status).toBe(0);
  });

  it("refuses a folder that is neither", async () => {
    const { status, stderr } = await sdft("report", join(folder, "nowhere"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/Expected a run folder/);
  });
});
