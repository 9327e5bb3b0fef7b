// LoRA training by the settings of the paper, one pass over the rows in their order, through the loop that `sdft train` runs.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AdapterSettings } from "../engine/adapter-settings.js";
import type { Engine } from "../engine/engine.js";
import { measureRoof } from "../engine/profile.js";
import { packBatch, sharedPrefix, type TrainSequence } from "../train/batches.js";
import { parseTrainingConfig, type TrainingConfig } from "../train/config.js";
import { initializeAdapter } from "../train/lora-init.js";
import { train } from "../train/train.js";
import { type EngineChoice, peakMebibytes, systemName, watchKernels } from "./engine-choice.js";
import type { JobResult, Measurement } from "./measurement.js";
import { neededTrainingFlop } from "./needed-flop.js";
import type { WorkRow } from "./work.js";

export interface TrainingWork {
  readonly rows: readonly WorkRow[];
  /** Sequences of an update. */
  readonly batch: number;
}

const adapterSettings: AdapterSettings = {
  ...{ rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" },
};

/** Tokens a second (of the data: a shared node counts for each sequence), the share of the multiply-add peak, peak memory. */
export async function measureTraining(engine: Engine, choice: EngineChoice, work: TrainingWork): Promise<JobResult> {
  const prepared = prepare(work);
  await warmUp(engine, prepared);
  const notes = watchKernels(engine, choice);
  const { seconds, losses, tokens, flop } = await timePrepared(engine, prepared);
  const profile = await notes();
  const memory = peakMebibytes();
  const { gflops, instructionSet } = await measureRoof(engine.setting.threads);
  const system = systemName(choice);
  const measurements: Measurement[] = [
    { system, metric: "training", unit: "tokens/s", value: tokens / seconds, details: { tokens, seconds, losses } },
    {
      ...{ system, metric: "share of the multiply-add peak", unit: "share", value: flop / seconds / 1e9 / gflops },
      details: { neededGigaflop: flop / 1e9, peakGflops: gflops, instructionSet },
    },
    { system, metric: "peak memory", unit: "MiB", value: memory, details: { ...engine.memory } },
  ];
  return { measurements, notes: profile };
}

export interface TimedTraining {
  readonly seconds: number;
  readonly losses: readonly number[];
  /** Of the data: a shared node counts for each sequence. */
  readonly tokens: number;
  /** That it cannot do without. */
  readonly flop: number;
}

/** The work once, after an update that is not counted. */
export async function timeTraining(engine: Engine, work: TrainingWork): Promise<TimedTraining> {
  const prepared = prepare(work);
  await warmUp(engine, prepared);
  return timePrepared(engine, prepared);
}

interface PreparedTraining {
  readonly sequences: readonly TrainSequence[];
  readonly config: TrainingConfig;
  readonly batch: number;
}

function prepare({ rows, batch }: TrainingWork): PreparedTraining {
  const config = parseTrainingConfig(
    {
      num_train_epochs: 1,
      per_device_train_batch_size: batch,
      gradient_accumulation_steps: 1,
      lora_dropout: 0,
      shuffle: false,
    },
    "the bench",
  );
  return { sequences: rows.map(toSequence), config, batch };
}

async function warmUp(engine: Engine, { sequences, config }: PreparedTraining): Promise<void> {
  await trainOnce(engine, sequences, { ...config, max_steps: 1 });
}

async function timePrepared(engine: Engine, { sequences, config, batch }: PreparedTraining): Promise<TimedTraining> {
  const { seconds, losses } = await trainOnce(engine, sequences, config);
  const tokens = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
  return { seconds, losses, tokens, flop: neededFlop(engine, sequences, batch) };
}

/** Each update's sequences as one tree: what is needed does not depend on how the engine cuts it. */
function neededFlop(engine: Engine, sequences: readonly TrainSequence[], batch: number): number {
  let flop = 0;
  for (let start = 0; start < sequences.length; start += batch) {
    const part = sequences.slice(start, start + batch);
    flop += neededTrainingFlop(engine.spec, adapterSettings, packBatch(part, 1, sharedPrefix(part)));
  }
  return flop;
}

function toSequence({ tokens, labels }: WorkRow, index: number): TrainSequence {
  return { id: String(index), tokens: Int32Array.from(tokens), labels: Int32Array.from(labels ?? tokens) };
}

/** From a fresh adapter; the seconds are those of the updates, as the peers count them. */
async function trainOnce(
  engine: Engine,
  sequences: readonly TrainSequence[],
  config: TrainingConfig,
): Promise<{ seconds: number; losses: number[] }> {
  const adapter = engine.createAdapter(adapterSettings);
  initializeAdapter(adapter.native, 0);
  const losses: number[] = [];
  const folder = await mkdtemp(join(tmpdir(), "sdft-bench-"));
  try {
    const job = { adapter, sequences, config, seed: 0, folder, fingerprint: "bench", resume: null };
    const outcome = await train(engine, { ...job, onStep: (row) => void losses.push(row.loss) });
    return { seconds: outcome.time, losses };
  } finally {
    adapter.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}
