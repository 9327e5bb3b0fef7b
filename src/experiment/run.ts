// The whole comparison: seed model, vanilla fine-tuning and self-distillation fine-tuning, on one loaded copy of the weights.
// Every stage leaves files and a hash, so a run goes on wherever it stopped.
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import { stringify } from "yaml";
import { parseByteSize } from "../base/byte-size.js";
import { type Reporter, warningOnce } from "../base/reporter.js";
import { makeWritableFolder, writeJsonLines, writeWholeFile } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { readDistilled } from "../distill/distilled-file.js";
import { mixExamples } from "../distill/mix.js";
import type { ScoreKey, ScoreRow } from "../eval/prediction.js";
import type { EncoderPackage } from "../models/encoder-package.js";
import { readManifest } from "../report/manifest.js";
import type { RunSummary } from "../report/run-summary.js";
import { writeReport } from "../report/write-report.js";
import { freshAdapterSettings, writtenTraining } from "../train/config.js";
import { describeRun, warnOfOtherDevice } from "./describe-run.js";
import { planExperiment } from "./plan-experiment.js";
import { encoderBytes, withBytesTaken } from "./plan-shift.js";
import { type PreparedExperiment, prepareExperiment } from "./prepare.js";
import type { Experiment, VariantName } from "./schema.js";
import { openEncoderPackage, prepareSession, type Session, startSession } from "./session.js";
import { checkShift, openShiftEncoder } from "./shift-scores.js";
import { gapStage, shiftStage } from "./shift-stage.js";
import { StageLedger } from "./stage-ledger.js";
import { distillStage, evaluateStage, type StageContext, type Trained, trainStage } from "./stages.js";

export interface RunOptions {
  readonly experiment: Experiment;
  readonly folder: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Runs what is not done yet and writes the reports. Bad input is found before the folder is touched. */
export async function runExperiment(given: RunOptions): Promise<RunSummary> {
  const options = { ...given, reporter: warningOnce(given.reporter) };
  const { experiment, folder, reporter } = options;
  const started = performance.now();
  checkShift(experiment, experiment.variants.includes("seed") ? "evaluated" : "left out", experiment.name);
  const earlier = await readManifest(folder);
  const { memory_budget: budget } = experiment;
  const memoryBudget = budget === null ? null : parseByteSize(budget, "memory_budget");
  const opened = await prepareSession({
    ...{ ...experiment, memoryBudget, reporter },
    batchInvariant: experiment.batch_invariant,
  });
  const whole = await prepareExperiment(opened, experiment);
  const encoder = await shiftEncoder(experiment, reporter);
  const room = encoder === null ? opened : withBytesTaken(opened, encoderBytes(encoder, opened));
  const { prepared, works } = planExperiment(room, whole);
  using session = await startSession(opened, works);
  const manifest = await describeRun(session, earlier);
  warnOfOtherDevice(earlier, manifest, reporter);
  const ledger = new StageLedger(folder, manifest);
  const run = new Run({ session, encoder, ledger }, prepared, options);
  await makeWritableFolder(folder);
  await writeWholeFile(
    join(folder, "run.yaml"),
    stringify({ ...experiment, train: writtenTraining(prepared.training) }),
  );
  await run.everything();
  await run.ledger.write({
    seconds: Math.round(performance.now() - started) / 1000,
    peak_memory: process.resourceUsage().maxRSS * 1024,
  });
  return writeReport(folder);
}

/** The files of the encoder that measures the shift, where one is asked for. */
async function shiftEncoder({ shift, variants }: Experiment, reporter: Reporter): Promise<EncoderPackage | null> {
  const measured = variants.some((variant) => variant !== "seed");
  return shift === undefined || !measured ? null : openEncoderPackage(shift.encoder, reporter);
}

class Run {
  private readonly context: StageContext;
  readonly ledger: StageLedger;
  private readonly encoder: EncoderPackage | null;

  constructor(
    own: { readonly session: Session; readonly encoder: EncoderPackage | null; readonly ledger: StageLedger },
    private readonly prepared: PreparedExperiment,
    private readonly options: RunOptions,
  ) {
    const { session, encoder, ledger } = own;
    this.ledger = ledger;
    this.encoder = encoder;
    this.context = { ...options, session, ledger };
  }

  async everything(): Promise<void> {
    await this.ledger.write({ seconds: null, peak_memory: null });
    const { variants } = this.prepared.experiment;
    const scores: ScoreRow[] = [];
    if (variants.includes("seed")) scores.push(...(await this.evaluateAll("seed", null)));
    if (variants.includes("sdft")) await distillStage(this.context, this.prepared, this.prepared.examples);
    for (const variant of ["vanilla", "sdft"] as const) {
      if (!variants.includes(variant)) continue;
      const examples = await this.trainingExamples(variant);
      const trained = await trainStage(this.context, this.prepared, { variant, examples });
      scores.push(...(await this.evaluateAll(variant, trained)), ...(await this.shifted(variant, trained)));
      trained.adapter.dispose();
    }
    await writeJsonLines(join(this.options.folder, "scores.jsonl"), scores);
  }

  private async trainingExamples(variant: "vanilla" | "sdft"): Promise<readonly TextExample[]> {
    const { examples, experiment } = this.prepared;
    if (variant === "vanilla") return examples;
    const rows = await readDistilled(join(this.options.folder, "sdft", "distilled.jsonl"));
    return mixExamples(examples, rows, { ratio: experiment.mix_ratio, seed: experiment.seed });
  }

  private async evaluateAll(variant: VariantName, trained: Trained | null): Promise<ScoreRow[]> {
    const rows: ScoreRow[] = [];
    for (const evaluation of this.prepared.evaluations) {
      const metrics = await evaluateStage(this.context, evaluation, { variant, trained });
      for (const metric of metrics) rows.push({ ...this.scoreKey(variant), task: evaluation.task.name, ...metric });
    }
    return rows;
  }

  /** Shift and gap, where the experiment asks for them. */
  private async shifted(variant: "vanilla" | "sdft", trained: Trained): Promise<ScoreRow[]> {
    const { context, prepared, options } = this;
    const { shift, gap, mix_ratio } = prepared.experiment;
    const key = this.scoreKey(variant);
    const rows: ScoreRow[] = [];
    const evaluation = prepared.evaluations.find(({ task }) => task.name === shift?.task);
    if (shift !== undefined && evaluation?.kind === "answers" && this.encoder !== null) {
      using encoder = await openShiftEncoder(prepared.experiment, this.encoder);
      const reference = join(options.folder, "seed", shift.task, "predictions.jsonl");
      const metrics = await shiftStage(context, { variant, trained, evaluation, reference, encoder, kl: shift.kl });
      rows.push(...metrics.map((metric) => ({ ...key, task: "shift", ...metric })));
    }
    if (gap && variant === "sdft" && mix_ratio > 0) {
      const metrics = await gapStage(context, prepared, prepared.examples);
      rows.push(...metrics.map((metric) => ({ ...key, task: "gap", ...metric })));
    }
    return rows;
  }

  private scoreKey(variant: VariantName): Omit<ScoreKey, "task"> {
    const { experiment, dataset, examples, renderers, preset, training } = this.prepared;
    const trained = variant !== "seed";
    const distilledWith = experiment.distill.template ?? preset.distill;
    return {
      variant,
      dataset: trained ? dataset : null,
      template: renderers.train.template.name,
      distill_template: variant === "sdft" ? basename(distilledWith) : null,
      mix_ratio: variant === "sdft" ? experiment.mix_ratio : null,
      samples: trained ? examples.length : null,
      rank: trained ? freshAdapterSettings(training, preset).rank : null,
      seed: experiment.seed,
    };
  }
}
