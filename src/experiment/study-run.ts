// A whole study: its plan, the memory of all stages, the work, the report. Bad input is found before anything is loaded or written.
import { performance } from "node:perf_hooks";
import { parseByteSize } from "../base/byte-size.js";
import { type Reporter, warningOnce } from "../base/reporter.js";
import { makeWritableFolder } from "../base/write-file.js";
import type { ScoreRow } from "../eval/prediction.js";
import type { StudySummary } from "../report/study/study-summary.js";
import { writeStudyReport } from "../report/study/write-study-report.js";
import { expandStudy } from "./expand-study.js";
import { type Preparation, prepareSession, startSession } from "./session.js";
import { expectedScores } from "./shift-scores.js";
import { rememberSpeeds, speedsOfRuns } from "./speed.js";
import { type MissingScore, writeStudySettings } from "./study-files.js";
import { planStudyMemory } from "./study-memory.js";
import { describeCell } from "./study-names.js";
import { planStudy, type StudyPlan } from "./study-plan.js";
import { type StudyOptions, StudyRunner } from "./study-runner.js";
import type { Study } from "./study-schema.js";

export interface StudyOutcome {
  readonly folder: string;
  readonly scores: readonly ScoreRow[];
  readonly missing: readonly MissingScore[];
  /** What the report shows. */
  readonly summary: StudySummary;
  /** Of this call. */
  readonly seconds: number;
}

export interface OpenedStudy {
  readonly opened: Preparation;
  readonly plan: StudyPlan;
}

/** Model files and data, without weights; nothing is written. */
export async function openStudy(study: Study, reporter: Reporter): Promise<OpenedStudy> {
  const cells = expandStudy(study);
  const { settings } = study;
  const { memory_budget: budget } = settings;
  const memoryBudget = budget === null ? null : parseByteSize(budget, "memory_budget");
  const opened = await prepareSession({
    ...{ ...settings, memoryBudget, reporter },
    batchInvariant: settings.batch_invariant,
  });
  return { opened, plan: await planStudy(opened, cells) };
}

/** Runs what is not done yet. Bad input is found before the folder is touched. */
export async function runStudy(given: StudyOptions): Promise<StudyOutcome> {
  const options = { ...given, reporter: warningOnce(given.reporter) };
  const { study, folder, reporter } = options;
  const started = performance.now();
  const { opened, plan } = await openStudy(study, reporter);
  const { runs, works, missing, encoder } = await planStudyMemory(opened, plan);
  for (const { key, reason } of missing) reporter.warn(`${describeCell(key)}: missing (${reason})`);
  using session = await startSession(opened, works);
  const runner = new StudyRunner({ session, encoder }, runs, options);
  await makeWritableFolder(folder);
  await writeStudySettings(folder, study, { model: study.settings.model, runs: runs.map(({ name }) => name) });
  runner.missing.push(
    ...missing.flatMap(({ key, experiment, reason }) =>
      expectedScores(experiment, key.variant).map((score) => ({ ...key, ...score, reason })),
    ),
  );
  try {
    await runner.everything();
  } finally {
    await runner.dispose();
  }
  await rememberSpeeds(opened, study.settings.label, await speedsOfRuns(runner.runsFolder, opened));
  return {
    folder,
    scores: runner.scores,
    missing: runner.missing,
    summary: await writeStudyReport(folder),
    seconds: Math.round(performance.now() - started) / 1000,
  };
}
