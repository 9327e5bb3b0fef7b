// The whole comparison: seed model, vanilla fine-tuning and self-distillation fine-tuning, on one loaded copy of the weights.
// Every stage leaves files and a hash, so a run goes on wherever it stopped.
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import { stringify } from "yaml";
import { parseByteSize } from "../base/byte-size.js";
import { contentHash } from "../base/content-hash.js";
import type { Reporter } from "../base/reporter.js";
import { makeWritableFolder, writeJsonLines, writeWholeFile } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { distill, distillHash } from "../distill/distill.js";
import { readDistilled } from "../distill/distilled-file.js";
import { mixExamples } from "../distill/mix.js";
import type { AdapterHandle } from "../engine/engine.js";
import { evaluateTask, gradePredictions, type TaskJob, taskHash } from "../eval/evaluate-task.js";
import type { ScoreKey, ScoreRow } from "../eval/prediction.js";
import { readOwnPredictions } from "../eval/predictions-file.js";
import { readManifest } from "../report/manifest.js";
import { countYield, type RunSummary } from "../report/run-summary.js";
import { yieldSentence } from "../report/wording.js";
import { writeReport } from "../report/write-report.js";
import { latestCheckpoint } from "../train/checkpoint.js";
import { freshAdapterSettings } from "../train/config.js";
import { initializeAdapter } from "../train/lora-init.js";
import { train } from "../train/train.js";
import { describeRun } from "./describe-run.js";
import { encodeExamples, planExperiment } from "./plan-experiment.js";
import { type PreparedExperiment, prepareExperiment } from "./prepare.js";
import type { Experiment, VariantName } from "./schema.js";
import { prepareSession, type Session, startSession } from "./session.js";
import { StageLedger } from "./stage-ledger.js";

export interface RunOptions {
  readonly experiment: Experiment;
  readonly folder: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Runs what is not done yet and writes the reports. Bad input is found before the folder is touched. */
export async function runExperiment(options: RunOptions): Promise<RunSummary> {
  const { experiment, folder, reporter } = options;
  const started = performance.now();
  const earlier = await readManifest(folder);
  const { memory_budget: budget } = experiment;
  const memoryBudget = budget === null ? null : parseByteSize(budget, "memory_budget");
  const opened = await prepareSession({ ...experiment, memoryBudget, reporter });
  const { prepared, works } = planExperiment(opened, await prepareExperiment(opened, experiment));
  using session = await startSession(opened, works);
  const run = new Run(session, prepared, options, new StageLedger(folder, await describeRun(session, earlier)));
  await makeWritableFolder(folder);
  await writeWholeFile(join(folder, "run.yaml"), stringify({ ...experiment, train: prepared.training }));
  await run.everything();
  await run.ledger.write({
    seconds: Math.round(performance.now() - started) / 1000,
    peak_memory: process.resourceUsage().maxRSS * 1024,
  });
  return writeReport(folder);
}

class Run {
  constructor(
    private readonly session: Session,
    private readonly prepared: PreparedExperiment,
    private readonly options: RunOptions,
    readonly ledger: StageLedger,
  ) {}

  async everything(): Promise<void> {
    await this.ledger.write({ seconds: null, peak_memory: null });
    const { variants } = this.prepared.experiment;
    const scores: ScoreRow[] = [];
    if (variants.includes("seed")) scores.push(...(await this.evaluateAll("seed", null)));
    if (variants.includes("sdft")) await this.distill();
    for (const variant of ["vanilla", "sdft"] as const) {
      if (!variants.includes(variant)) continue;
      const trained = await this.train(variant, await this.trainingExamples(variant));
      scores.push(...(await this.evaluateAll(variant, trained)));
      trained.adapter.dispose();
    }
    await writeJsonLines(join(this.options.folder, "scores.jsonl"), scores);
  }

  private async distill(): Promise<void> {
    const { prepared, session, options } = this;
    const job = {
      examples: prepared.examples,
      renderer: prepared.renderers.distill,
      sampling: prepared.distillSampling,
      attempts: prepared.experiment.distill.attempts,
      task: prepared.task,
      rules: prepared.rules,
      name: `distilled_${prepared.dataset}`,
      folder: join(options.folder, "sdft"),
      reporter: options.reporter,
      signal: options.signal,
    };
    const files = ["sdft/distilled.jsonl", "sdft/rewrites.jsonl"];
    await this.ledger.run({ name: "distill", hash: distillHash(session.engine, job), files }, async () => {
      const { rows } = await distill(session.engine, job);
      options.reporter.finish(`Distilled: ${yieldSentence(countYield(rows))}.`);
    });
  }

  private async trainingExamples(variant: "vanilla" | "sdft"): Promise<readonly TextExample[]> {
    const { examples, experiment } = this.prepared;
    if (variant === "vanilla") return examples;
    const rows = await readDistilled(join(this.options.folder, "sdft", "distilled.jsonl"));
    return mixExamples(examples, rows, { ratio: experiment.mix_ratio, seed: experiment.seed });
  }

  /** The trained adapter, from this run or an earlier one, and the hash that names it. */
  private async train(variant: "vanilla" | "sdft", examples: readonly TextExample[]): Promise<Trained> {
    const { session, prepared, options } = this;
    const { engine } = session;
    const { experiment, training } = prepared;
    const warn = (sentence: string): void => options.reporter.warn(sentence);
    const sequences = encodeExamples(prepared, { examples, spec: engine.spec, warn });
    const settings = freshAdapterSettings(training, prepared.preset);
    const { save_steps: _, activations: __, ...relevant } = training;
    const hash = contentHash({
      stage: "train",
      engine: engine.fingerprint,
      settings,
      training: relevant,
      seed: experiment.seed,
      sequences,
    });
    const folder = join(options.folder, variant);
    const files = [`${variant}/adapter/adapter_model.safetensors`, `${variant}/log.jsonl`];
    const done = await this.ledger.run({ name: `train ${variant}`, hash, files }, async () => {
      const adapter = engine.createAdapter(settings);
      try {
        initializeAdapter(adapter.native, experiment.seed);
        const checkpoint = await latestCheckpoint(folder);
        const outcome = await train(engine, {
          adapter,
          sequences,
          config: training,
          seed: experiment.seed,
          folder,
          fingerprint: hash,
          resume: checkpoint?.fingerprint === hash ? checkpoint : null,
          signal: options.signal,
          onStep: (row, total) =>
            options.reporter.progress({
              stage: `train ${variant}`,
              done: row.step,
              total,
              unit: "steps",
              tokensPerSecond: row.tokens_per_second,
              detail: `loss ${row.loss.toFixed(3)}`,
            }),
        });
        options.reporter.finish(
          `Trained ${variant}: ${outcome.steps} steps, loss ${outcome.finalLoss.toFixed(3)} at the end.`,
        );
      } finally {
        adapter.dispose();
      }
    });
    if (done === "skipped") options.reporter.note(`Trained ${variant}: done earlier.`);
    const { adapter } = await engine.loadAdapter(join(folder, "adapter"));
    return { adapter, hash };
  }

  private async evaluateAll(variant: VariantName, trained: Trained | null): Promise<ScoreRow[]> {
    const { prepared, session, options } = this;
    const rows: ScoreRow[] = [];
    for (const evaluation of prepared.evaluations) {
      const { task } = evaluation;
      const folder = join(options.folder, variant, task.name);
      const job: TaskJob = {
        ...evaluation,
        adapter: trained?.adapter ?? null,
        adapterHash: trained?.hash ?? null,
        folder,
        stage: `evaluate ${variant} on ${task.name}`,
        reporter: options.reporter,
        signal: options.signal,
      };
      const stage = {
        name: `evaluate ${variant} ${task.name}`,
        hash: taskHash(session.engine, job),
        files: [`${variant}/${task.name}/predictions.jsonl`],
      };
      await this.ledger.run(stage, async () => {
        await evaluateTask(session.engine, job);
      });
      const { metrics } = await gradePredictions(task, await readOwnPredictions(join(folder, "predictions.jsonl")));
      for (const metric of metrics) {
        rows.push({ ...this.scoreKey(variant), task: task.name, ...metric });
        options.reporter.finish(
          `${variant} on ${task.name}: ${metric.metric} ${(100 * metric.value).toFixed(1)} % of ${metric.n}.`,
        );
      }
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

interface Trained {
  readonly adapter: AdapterHandle;
  readonly hash: string;
}
