// The training loop: micro-batches accumulate into updates, each update is a row of log.jsonl, and a stop at any update
// leaves a checkpoint from which the same bits follow.

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { othersThan, withDevice } from "../base/devices.js";
import { InputError, SdftError } from "../base/error.js";
import { Interrupted } from "../base/interrupted.js";
import { writeAdapterTensors } from "../engine/adapter-folder.js";
import type { AdapterHandle, Engine } from "../engine/engine.js";
import type { NativeTrainer } from "../native/types.js";
import { labelledTokens, stepsPerEpoch, type TrainSequence } from "./batches.js";
import { type Checkpoint, restoreCheckpoint, saveCheckpoint } from "./checkpoint.js";
import { resolveTraining, storedRows, type TrainingConfig, totalSteps } from "./config.js";
import { expectFiniteAdapter } from "./divergence.js";
import { appendLog, type LogRow, truncateLog } from "./log.js";
import { scheduleFactor, warmupSteps } from "./schedule.js";
import { largestBatch } from "./training-memory.js";
import { copyAdapter, copyState, isDeviceFailure, KeptState, type TrainingState } from "./training-state.js";
import { microBatchesOf, packUpdate, type Update, updatePlan } from "./updates.js";

export interface TrainingJob {
  readonly adapter: AdapterHandle;
  readonly sequences: readonly TrainSequence[];
  readonly config: TrainingConfig;
  readonly seed: number;
  /** Gets log.jsonl, checkpoint-N/ and adapter/. */
  readonly folder: string;
  /** Names data, configuration and weights; a checkpoint with another one is refused. */
  readonly fingerprint: string;
  readonly resume: Checkpoint | null;
  /** A sentence: what a person does after a stop that has left a checkpoint. None where left out. */
  readonly goOn?: string;
  readonly signal?: AbortSignal;
  readonly warn?: (sentence: string) => void;
  readonly onStep?: (row: LogRow, totalSteps: number) => void;
}

export interface TrainingOutcome {
  readonly steps: number;
  /** Mean over the last epoch's updates (over all where there was less than one epoch). */
  readonly finalLoss: number;
  readonly tokens: number;
  /** Seconds. */
  readonly time: number;
  readonly adapterFolder: string;
}

/** Trains the adapter in place and writes it to `folder/adapter`. Throws Interrupted when the signal fired, with a checkpoint saved; where a device fails, too. */
export async function train(engine: Engine, job: TrainingJob): Promise<TrainingOutcome> {
  const config = resolveTraining(job.config, engine.spec, job.adapter.settings);
  const plan = updatePlan(config, engine.spec, { settings: job.adapter.settings, seed: job.seed });
  checkSequences(job.sequences, engine.spec.maxPositions);
  const perEpoch = stepsPerEpoch(job.sequences.length, plan.batches);
  const total = totalSteps(job.config, perEpoch);
  checkResume(job, total, engine.device);
  const devices = withDevice(job.resume === null ? [] : job.resume.devices, engine.device);

  using trainer = engine.createTrainer(job.adapter, {
    dropout: job.adapter.settings.dropout,
    seed: job.seed,
    storedRows: storedRows(config, engine.spec, job.adapter.settings),
    largestBatch: largestBatch(config, engine.spec, {
      sequences: job.sequences,
      settings: job.adapter.settings,
      seed: job.seed,
    }),
  });
  const log = join(job.folder, "log.jsonl");
  const done = job.resume?.step ?? 0;
  const rows = await truncateLog(log, done);
  if (job.resume !== null) await restoreCheckpoint(engine, job.resume, { adapter: job.adapter, trainer });

  const goOn = job.goOn === undefined ? "" : ` ${job.goOn}`;
  const copy = () => copyState(job.adapter, trainer);
  // The processor's memory is where the state is anyway.
  const kept = engine.setting.backend === "cuda" ? new KeptState(copy) : null;
  const save = (state: TrainingState) => {
    expectFiniteAdapter(state.adapter, state.trainer.step);
    return saveCheckpoint(state, {
      settings: job.adapter.settings,
      baseModel: engine.model.name,
      folder: job.folder,
      totalSteps: total,
      fingerprint: job.fingerprint,
      devices,
    });
  };
  const microBatches = microBatchesOf(job.sequences, plan);
  const updateOf = (step: number): Update => packUpdate(microBatches(step), plan.sharing);
  const earlier = rows.at(-1)?.time ?? 0;
  const started = performance.now();
  const elapsed = (): number => earlier + (performance.now() - started) / 1000;
  let next = done < total ? updateOf(done) : null;
  try {
    for (let step = done; next !== null; ++step) {
      const running = run(trainer, next, { config: job.config, step, total, elapsed });
      // While the engine works on this one.
      next = step + 1 < total ? updateOf(step + 1) : null;
      const row = await running;
      kept?.afterUpdate();
      rows.push(row);
      await appendLog(log, row);
      job.onStep?.(row, total);
      if (next === null) break;
      const stopping = job.signal?.aborted === true;
      if (stopping || (job.config.save_steps > 0 && (step + 1) % job.config.save_steps === 0)) {
        const state = copy();
        await save(state);
        kept?.put(state);
      }
      if (stopping)
        throw new Interrupted(
          `Training stopped after step ${step + 1} of ${total}; its state is in ${join(job.folder, `checkpoint-${step + 1}`)}.${goOn}`,
        );
    }
    const adapter = copyAdapter(job.adapter);
    expectFiniteAdapter(adapter, total);
    const adapterFolder = join(job.folder, "adapter");
    await writeAdapterTensors(adapter, {
      ...{ folder: adapterFolder, settings: job.adapter.settings, baseModel: engine.model.name },
    });
    return { ...summarise(rows, perEpoch), steps: total, adapterFolder };
  } catch (error) {
    const state = kept?.state ?? null;
    if (state === null || !isDeviceFailure(error)) throw error;
    const { folder, step } = await save(state);
    throw new SdftError(
      "device",
      `${error.message} The training's state after step ${step} of ${total} is in ${folder}.${goOn}`,
      { cause: error },
    );
  }
}

interface UpdateContext {
  readonly config: TrainingConfig;
  /** Updates done before this one. */
  readonly step: number;
  readonly total: number;
  readonly elapsed: () => number;
}

async function run(trainer: NativeTrainer, { batches, tokens }: Update, context: UpdateContext): Promise<LogRow> {
  const { config, step, total } = context;
  const before = context.elapsed();
  let loss = 0;
  for (const batch of batches) loss += (await trainer.accumulate(batch)).loss;
  const schedule = {
    type: config.lr_scheduler_type,
    totalSteps: total,
    warmupSteps: warmupSteps({ steps: config.warmup_steps, ratio: config.warmup_ratio }, total),
  };
  const learningRate = config.learning_rate * scheduleFactor(schedule, step);
  const { gradNorm } = await trainer.update({
    learningRate,
    beta1: config.adam_beta1,
    beta2: config.adam_beta2,
    epsilon: config.adam_epsilon,
    weightDecay: config.weight_decay,
    maxGradNorm: config.max_grad_norm,
  });
  const time = context.elapsed();
  return {
    step: step + 1,
    loss,
    grad_norm: gradNorm,
    learning_rate: learningRate,
    tokens,
    tokens_per_second: Math.round((10 * tokens) / Math.max(1e-9, time - before)) / 10,
    time: Math.round(time * 1000) / 1000,
  };
}

function checkSequences(sequences: readonly TrainSequence[], maxPositions: number): void {
  if (sequences.length === 0)
    throw new InputError("empty_data", "Expected at least one training example but the data set is empty.");
  const untrained = sequences.filter((sequence) => labelledTokens(sequence) === 0).map((sequence) => sequence.id);
  if (untrained.length > 0) {
    throw new InputError(
      "no_labels",
      `Expected a trained token in every example but ${some(untrained)} has none; remove it, or raise cutoff_len where the response was cut off.`,
    );
  }
  const long = sequences
    .filter((sequence) => sequence.tokens.length > maxPositions)
    .map((sequence) => `${sequence.id} (${sequence.tokens.length} tokens)`);
  if (long.length > 0) {
    throw new InputError(
      "too_long",
      `Expected at most ${maxPositions} tokens, the model's context length, but example ${some(long)} is longer; shorten or remove it.`,
    );
  }
}

function checkResume(job: TrainingJob, total: number, device: string | null): void {
  if (job.resume === null) return;
  if (job.resume.fingerprint !== job.fingerprint || job.resume.totalSteps !== total) {
    throw new InputError(
      "resume",
      `${job.resume.folder} was made with other data, options, weights or engine revision; go on with the same ones, or train anew in another folder.`,
    );
  }
  const { folder, devices } = job.resume;
  if (othersThan(device, devices))
    job.warn?.(
      `${folder} was computed on ${devices?.join(" and ")}; the rest is computed on ${device}, and may end with the bits of neither.`,
    );
}

function summarise(rows: readonly LogRow[], perEpoch: number): { finalLoss: number; tokens: number; time: number } {
  const last = rows.slice(-perEpoch);
  return {
    finalLoss: last.reduce((sum, row) => sum + row.loss, 0) / Math.max(1, last.length),
    tokens: rows.reduce((sum, row) => sum + row.tokens, 0),
    time: rows.at(-1)?.time ?? 0,
  };
}

/** The first few of a list, and how many more there are. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
