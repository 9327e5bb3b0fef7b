// The stages of an experiment, each done once: a stage whose hash and files are unchanged is skipped. Single experiments and studies share them.
import { join } from "node:path";
import { contentHash } from "../base/content-hash.js";
import type { Reporter } from "../base/reporter.js";
import { writeJsonLines } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { type DistillJob, distill, distillHash } from "../distill/distill.js";
import type { AdapterHandle } from "../engine/engine.js";
import { evaluateTask, gradePredictions, gradingContext, type TaskJob, taskHash } from "../eval/evaluate-task.js";
import { readOwnPredictions } from "../eval/predictions-file.js";
import { countYield } from "../report/run-summary.js";
import { yieldSentence } from "../report/wording.js";
import type { MetricValue } from "../tasks/score.js";
import { latestCheckpoint } from "../train/checkpoint.js";
import { decisiveTraining, freshAdapterSettings } from "../train/config.js";
import { initializeAdapter } from "../train/lora-init.js";
import { train } from "../train/train.js";
import { encodeExamples } from "./plan-experiment.js";
import type { PreparedEvaluation, PreparedTraining } from "./prepare.js";
import type { VariantName } from "./schema.js";
import type { Session } from "./session.js";
import type { StageLedger } from "./stage-ledger.js";

/** Where stages work. */
export interface StageContext {
  readonly session: Session;
  readonly ledger: StageLedger;
  /** The run folder. */
  readonly folder: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
  /** What progress is called, before the stage's own name (`openfunctions-sdft: `); empty where there is one run. */
  readonly label?: string;
}

export interface Trained {
  readonly adapter: AdapterHandle;
  /** Names the adapter's numbers. */
  readonly hash: string;
}

/** Rewrites the responses into `sdft/distilled.jsonl`. */
export async function distillStage(
  context: StageContext,
  prepared: PreparedTraining,
  examples: readonly TextExample[],
): Promise<void> {
  const { session, ledger, reporter } = context;
  const job = distillJob(context, prepared, examples);
  const files = ["sdft/distilled.jsonl", "sdft/rewrites.jsonl"];
  await ledger.run({ name: "distill", hash: distillHash(session.engine, job), files }, async () => {
    const counted = countTokens(reporter);
    const { rows } = await distill(session.engine, { ...job, reporter: counted.reporter });
    reporter.finish(`${context.label ?? ""}Distilled: ${yieldSentence(countYield(rows))}.`);
    return { work: "generate", tokens: counted.tokens() };
  });
}

export function distillJob(
  context: Pick<StageContext, "folder" | "reporter" | "signal" | "label">,
  prepared: PreparedTraining,
  examples: readonly TextExample[],
): DistillJob {
  return {
    examples,
    renderer: prepared.renderers.distill,
    ordinary: prepared.renderers.train,
    sampling: prepared.distillSampling,
    attempts: prepared.experiment.distill.attempts,
    choose: prepared.experiment.distill.choose,
    task: prepared.task,
    rules: prepared.rules,
    name: `distilled_${prepared.dataset}`,
    folder: join(context.folder, "sdft"),
    stage: `${context.label ?? ""}distil`,
    reporter: context.reporter,
    signal: context.signal,
  };
}

/** The trained adapter, from this run or an earlier one, and the hash that names it. */
export async function trainStage(
  context: StageContext,
  prepared: PreparedTraining,
  what: { readonly variant: "vanilla" | "sdft"; readonly examples: readonly TextExample[] },
): Promise<Trained> {
  const { session, ledger, reporter } = context;
  const { engine } = session;
  const { experiment, training } = prepared;
  const label = context.label ?? "";
  const warn = (sentence: string): void => reporter.warn(sentence);
  const sequences = encodeExamples(prepared, { examples: what.examples, spec: engine.spec, warn });
  const settings = freshAdapterSettings(training, prepared.preset);
  const hash = contentHash({
    stage: "train",
    engine: engine.fingerprint,
    settings,
    training: decisiveTraining(training),
    seed: experiment.seed,
    sequences,
  });
  const folder = join(context.folder, what.variant);
  const name = `train ${what.variant}`;
  const files = [`${what.variant}/adapter/adapter_model.safetensors`, `${what.variant}/log.jsonl`];
  const done = await ledger.run({ name, hash, files }, async () => {
    const adapter = engine.createAdapter(settings);
    let tokens = 0;
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
        goOn: "Run the same command again to go on.",
        resume: checkpoint?.fingerprint === hash ? checkpoint : null,
        warn,
        ...(context.signal === undefined ? {} : { signal: context.signal }),
        onStep: (row, total) => {
          tokens += row.tokens;
          reporter.progress({
            stage: `${label}${name}`,
            done: row.step,
            total,
            unit: "steps",
            tokensPerSecond: row.tokens_per_second,
            detail: `loss ${row.loss.toFixed(3)}`,
          });
        },
      });
      reporter.finish(
        `${label}Trained ${what.variant}: ${outcome.steps} ${outcome.steps === 1 ? "step" : "steps"}, loss ${outcome.finalLoss.toFixed(3)} at the end.`,
      );
    } finally {
      adapter.dispose();
    }
    return { work: "train", tokens };
  });
  if (done === "skipped") reporter.note(`${label}Trained ${what.variant}: done earlier.`);
  const { adapter } = await engine.loadAdapter(join(folder, "adapter"));
  return { adapter, hash };
}

/** Predictions in `<variant>/<task>/` and what they are worth. */
export async function evaluateStage(
  context: StageContext,
  evaluation: PreparedEvaluation,
  of: { readonly variant: VariantName; readonly trained: Trained | null },
): Promise<readonly MetricValue[]> {
  const { session, ledger, reporter, label = "" } = context;
  const { task } = evaluation;
  const { variant, trained } = of;
  const folder = join(context.folder, variant, task.name);
  const job: TaskJob = {
    ...evaluation,
    adapter: trained?.adapter ?? null,
    adapterHash: trained?.hash ?? null,
    folder,
    stage: `${label}evaluate ${variant} on ${task.name}`,
    generator: `${session.model.name} ${label}${variant}`,
    reporter,
    signal: context.signal,
  };
  const stage = {
    name: `evaluate ${variant} ${task.name}`,
    hash: taskHash(session.engine, job),
    files: [`${variant}/${task.name}/predictions.jsonl`],
  };
  await ledger.run(stage, async () => {
    const counted = countTokens(reporter);
    await evaluateTask(session.engine, { ...job, reporter: counted.reporter });
    return { work: task.grading === "choice" ? "score" : "generate", tokens: counted.tokens() };
  });
  const path = join(folder, "predictions.jsonl");
  const { predictions, metrics } = await gradePredictions(task, await readOwnPredictions(path), gradingContext(job));
  // A judge or a sandbox may have come since.
  if (task.grading === "execution" || task.grading === "judge") await writeJsonLines(path, predictions);
  // Of a set of many parts only the whole is said.
  for (const metric of metrics.filter((one) => one.task === undefined)) {
    reporter.finish(
      `${label}${variant} on ${task.name}: ${metric.metric} ${(100 * metric.value).toFixed(1)} % of ${metric.n}.`,
    );
  }
  return metrics;
}

/** A reporter that remembers how many tokens the stage has worked on. A stage in several rounds counts from the start in each. */
export function countTokens(reporter: Reporter): { readonly reporter: Reporter; tokens(): number } {
  let [before, now] = [0, 0];
  return {
    tokens: () => before + now,
    reporter: {
      progress: (progress) => {
        const { tokens = 0 } = progress;
        if (tokens < now) before += now;
        now = tokens;
        reporter.progress(progress);
      },
      finish: (sentence) => reporter.finish(sentence),
      note: (sentence) => reporter.note(sentence),
      warn: (sentence) => reporter.warn(sentence),
    },
  };
}
