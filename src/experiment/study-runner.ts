// A study's cells on one loaded copy of the weights: every run folder in turn, scores.jsonl and missing.jsonl anew as each ends.
// What can't be had leaves its cells missing with the reason; the rest goes on.
import { dirname, join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { SdftError } from "../base/error.js";
import type { Reporter } from "../base/reporter.js";
import { makeWritableFolder } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { readDistilled } from "../distill/distilled-file.js";
import { mixExamples } from "../distill/mix.js";
import type { Encoder } from "../engine/encoder.js";
import type { ScoreRow } from "../eval/prediction.js";
import { readManifest } from "../report/manifest.js";
import { writeStudyReport } from "../report/study/write-study-report.js";
import type { MetricValue } from "../tasks/score.js";
import { describeRun, warnOfOtherDevice } from "./describe-run.js";
import { seedCellOf } from "./expand-study.js";
import type { PreparedEvaluation, PreparedTraining } from "./prepare.js";
import { copyFromStore, fillStore } from "./rewrite-store.js";
import type { Session } from "./session.js";
import { expectedScores, gapScores, openShiftEncoder, shiftScores } from "./shift-scores.js";
import { gapStage, shiftStage } from "./shift-stage.js";
import { StageLedger } from "./stage-ledger.js";
import { evaluateStage, type StageContext, type Trained, trainStage } from "./stages.js";
import { type MissingScore, writeRunScores, writeRunSettings, writeStudyScores } from "./study-files.js";
import type { StudyMemory } from "./study-memory.js";
import { describeCell } from "./study-names.js";
import type { PlannedEvaluation, PlannedRun } from "./study-plan.js";
import type { Study } from "./study-schema.js";

export interface StudyOptions {
  readonly study: Study;
  readonly folder: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Works in the study's run folders, one after the other. Dispose of it. */
export class StudyRunner {
  readonly scores: ScoreRow[] = [];
  readonly missing: MissingScore[] = [];
  private encoders: Promise<Encoder> | null = null;

  constructor(
    private readonly own: { readonly session: Session; readonly encoder: StudyMemory["encoder"] },
    private readonly runs: readonly PlannedRun[],
    private readonly options: StudyOptions,
  ) {}

  async everything(): Promise<void> {
    await this.write();
    for (const run of this.runs) {
      await this.one(run);
      await this.write();
      await writeStudyReport(this.options.folder, "tables");
    }
  }

  private async one(run: PlannedRun): Promise<void> {
    const started = performance.now();
    const folder = join(this.runsFolder, run.name);
    const { settings } = this.options.study;
    const earlier = await readManifest(folder);
    const manifest = await describeRun(this.own.session, earlier);
    warnOfOtherDevice(earlier, manifest, this.options.reporter);
    const ledger = new StageLedger(folder, manifest);
    const [key] = run.keys;
    const label = key === undefined ? "" : `${describeCell(key)}: `;
    const context: StageContext = { ...this.options, folder, session: this.own.session, ledger, label };
    await makeWritableFolder(folder);
    await ledger.write({ seconds: null, peak_memory: null });
    await writeRunSettings(folder, run, settings.label);
    const rows: ScoreRow[] = [];
    const trained = await this.trained(run, context);
    if (trained === "missing") return;
    for (const evaluation of run.evaluations) {
      rows.push(...(await this.evaluated(run, context, { evaluation, trained })));
      await writeRunScores(folder, rows, settings.label);
    }
    if (trained !== null) rows.push(...(await this.shifted(run, context, trained)));
    await writeRunScores(folder, rows, settings.label);
    trained?.adapter.dispose();
    await ledger.write({
      seconds: Math.round(performance.now() - started) / 1000,
      peak_memory: process.resourceUsage().maxRSS * 1024,
    });
    this.scores.push(...rows);
  }

  private async trained(run: PlannedRun, context: StageContext): Promise<Trained | null | "missing"> {
    const { training, variant } = run;
    if (training === null || variant === "seed") return null;
    try {
      return await trainStage(context, training, { variant, examples: await this.targets(run, training, context) });
    } catch (error) {
      const reason = missingReason(error);
      for (const score of expectedScores(run.experiment, variant)) this.addMissing(run, { ...score, reason });
      this.options.reporter.warn(`${context.label}missing (${reason})`);
      return "missing";
    }
  }

  /** What to train on: the examples with their own responses, or with the rewrites that the mix ratio takes. */
  private async targets(
    run: PlannedRun,
    training: PreparedTraining,
    context: StageContext,
  ): Promise<readonly TextExample[]> {
    const { rewrites, experiment } = run;
    if (rewrites === null) return training.examples;
    const store = join(dirname(this.runsFolder), "rewrites", rewrites.store);
    await fillStore(store, context, { training, examples: this.sharedExamples(rewrites.store) });
    await copyFromStore(store, { folder: context.folder, training, examples: rewrites.examples });
    const rows = await readDistilled(join(context.folder, "sdft", "distilled.jsonl"));
    return mixExamples(training.examples, rows, { ratio: experiment.mix_ratio, seed: experiment.seed });
  }

  /** Of all runs that take rewrites from the store, so that they are made together. */
  private sharedExamples(store: string): readonly TextExample[] {
    const byId = new Map<string, TextExample>();
    for (const { rewrites } of this.runs) {
      if (rewrites?.store !== store) continue;
      for (const example of rewrites.examples) byId.set(example.id, example);
    }
    return [...byId.values()];
  }

  private async evaluated(
    run: PlannedRun,
    context: StageContext,
    what: { readonly evaluation: PlannedEvaluation; readonly trained: Trained | null },
  ): Promise<ScoreRow[]> {
    const { task, metric, prepared, reason } = what.evaluation;
    if (prepared === null) {
      this.addMissing(run, { task, metric, reason: reason ?? "not prepared" });
      return [];
    }
    try {
      const metrics = await evaluateStage(context, prepared, { variant: run.variant, trained: what.trained });
      if (metrics.length === 0) this.addMissing(run, { task, metric, reason: whyUngraded(prepared) });
      return scoreRows(run, task, metrics);
    } catch (error) {
      const reason = missingReason(error);
      this.addMissing(run, { task, metric, reason });
      this.options.reporter.warn(`${context.label}${task}: missing (${reason})`);
      return [];
    }
  }

  /** Shift and gap, where the study asks for them. */
  private async shifted(run: PlannedRun, context: StageContext, trained: Trained): Promise<ScoreRow[]> {
    const { experiment, training, rewrites, variant } = run;
    const rows: ScoreRow[] = [];
    const { shift } = experiment;
    if (shift !== undefined && variant !== "seed") {
      rows.push(
        ...(await this.scored(run, shiftScores(shift), async () => {
          const encoder = await this.encoder(run);
          const evaluation = run.evaluations.find(({ task }) => task === shift.task);
          const seed = seedCellOf(experiment, this.runs);
          if (evaluation?.prepared?.kind !== "answers" || seed === undefined)
            throw new SdftError("shift", evaluation?.reason ?? `there are no answers to ${shift.task}`);
          const reference = join(this.runsFolder, seed.name, "seed", shift.task, "predictions.jsonl");
          const work = { variant, trained, evaluation: evaluation.prepared, reference, encoder, kl: shift.kl };
          return { task: "shift", metrics: await shiftStage(context, work) };
        })),
      );
    }
    if (experiment.gap && training !== null && rewrites !== null) {
      rows.push(
        ...(await this.scored(run, gapScores, async () => ({
          task: "gap",
          metrics: await gapStage(context, training, rewrites.examples),
        }))),
      );
    }
    return rows;
  }

  /** The work's rows, or the reason why each of the expected scores is missing. */
  private async scored(
    run: PlannedRun,
    expected: readonly { task: string; metric: string }[],
    work: () => Promise<{ readonly task: string; readonly metrics: readonly MetricValue[] }>,
  ): Promise<ScoreRow[]> {
    try {
      const { task, metrics } = await work();
      return scoreRows(run, task, metrics);
    } catch (error) {
      const reason = missingReason(error);
      for (const score of expected) this.addMissing(run, { ...score, reason });
      this.options.reporter.warn(`${run.name}: missing (${reason})`);
      return [];
    }
  }

  /** Opened once; null, with the cell's similarity missing, where it can't be had. */
  private async encoder(run: PlannedRun): Promise<Encoder | null> {
    const { encoder: files } = this.own;
    try {
      if (files instanceof SdftError) throw files;
      if (files !== null) this.encoders ??= openShiftEncoder(this.options.study.settings, files);
      return await this.encoders;
    } catch (error) {
      this.addMissing(run, { task: "shift", metric: "similarity", reason: missingReason(error) });
      return null;
    }
  }

  private addMissing(run: PlannedRun, row: { task: string; metric: string; reason: string }): void {
    for (const key of run.keys) this.missing.push({ ...key, ...row });
  }

  async dispose(): Promise<void> {
    const encoder = await this.encoders?.catch(() => null);
    encoder?.dispose();
  }

  private write(): Promise<void> {
    const { folder, study } = this.options;
    return writeStudyScores(folder, this, study.settings.label);
  }

  get runsFolder(): string {
    return resolve(this.options.folder, this.options.study.settings.runs_folder);
  }
}

function scoreRows(run: PlannedRun, task: string, metrics: readonly MetricValue[]): ScoreRow[] {
  return run.keys.flatMap((key) => metrics.map((metric) => ({ ...key, task, ...metric })));
}

/** A task that was answered, but that nobody judges. */
function whyUngraded({ task }: PreparedEvaluation): string {
  return task.grading === "judge"
    ? "no judge is named: set judge.endpoint and judge.model; the answers are kept"
    : `nothing says which answers to ${task.name} are right`;
}

/** The sentence for a cell that could not be had; what is no fault of the cell goes on. */
function missingReason(error: unknown): string {
  if (error instanceof SdftError && !fatalCodes.includes(error.code)) return error.message;
  throw error;
}

/** Interruptions, and faults of the disk that every further cell would meet. */
const fatalCodes = ["interrupted", "write_failed", "unwritable"];
