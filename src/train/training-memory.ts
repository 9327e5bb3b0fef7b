// What a training will take, from its configuration and examples: known before the weights are loaded.
import { formatByteSize } from "../base/byte-size.js";
import { InputError } from "../base/error.js";
import type { AdapterSettings } from "../engine/adapter-settings.js";
import type { MemoryLimit } from "../engine/memory-limit.js";
import {
  keptLayers,
  type MemoryPlan,
  type PlannedModel,
  planTraining,
  type TrainingWork,
  typicalProcessBytes,
} from "../engine/memory-plan.js";
import type { ModelSpec } from "../native/types.js";
import { labelledTokens, stepsPerEpoch, type TrainSequence } from "./batches.js";
import { type ResolvedTraining, resolveTraining, storedRows, type TrainingConfig, totalSteps } from "./config.js";
import { packedRows } from "./micro-batches.js";
import { commonPrefix, microBatchesOf, type UpdatePlan, updatePlan } from "./updates.js";

export interface TrainingNeed {
  readonly sequences: readonly TrainSequence[];
  readonly settings: AdapterSettings;
  readonly seed: number;
}

/**
 * The configuration with its micro-batches decided. A budget lowers the default until the largest micro-batch fits (a number that was given stays);
 * nothing of the machine counts. Where that still takes more than the limit, fewer activations are kept: the numbers are the same. Throws
 * InputError("memory") where the limit is too small for the longest example alone.
 */
export function fitTraining(
  config: TrainingConfig,
  model: PlannedModel,
  need: TrainingNeed,
  limit: MemoryLimit,
): ResolvedTraining {
  const resolved = resolveTraining(config, model.spec, need.settings);
  expectOneSequenceFits(resolved, model, need, limit);
  const given = config.micro_batch_tokens !== undefined || limit.source !== "budget";
  return fitActivations(given ? resolved : fitMicroBatches(resolved, model, need, limit), model, need, limit);
}

function fitMicroBatches(
  resolved: ResolvedTraining,
  model: PlannedModel,
  need: TrainingNeed,
  limit: MemoryLimit,
): ResolvedTraining {
  const fits = (tokens: number): boolean => {
    // What long examples keep beyond that, the same bits, is for the memory that is left.
    const candidate = {
      ...resolved,
      micro_batch_tokens: tokens,
      stored_rows: resolved.activations === "store" ? tokens : 0,
    };
    return planOf(candidate, { ...model, processBytes: typicalProcessBytes }, need, tokens).peak <= limit.bytes;
  };
  let tokens = resolved.micro_batch_tokens;
  while (tokens > step && !fits(tokens)) tokens -= step;
  return { ...resolved, micro_batch_tokens: tokens };
}

/** With as many activations kept as fit: what does not fit by keeping none is refused by its plan. */
export function fitActivations(
  config: ResolvedTraining,
  model: PlannedModel,
  need: TrainingNeed,
  limit: MemoryLimit,
): ResolvedTraining {
  const work = { ...shape(config, model.spec, need), ...largestBatch(config, model.spec, need) };
  const fits = (rows: number): boolean => planTraining(model, { ...work, storedRows: rows }).peak <= limit.bytes;
  const wanted = Math.min(work.storedRows, work.rows);
  if (fits(wanted)) return config;
  let rows = wanted;
  while (rows > 0 && !fits(rows)) rows = Math.max(0, rows - step);
  return { ...config, stored_rows: rows };
}

/** Micro-batches, and the rows whose activations are kept, are chosen in steps of so many rows. */
const step = 32;

/** The worst moment of the training: the micro-batches of every update are known. */
export function planTrainingMemory(config: ResolvedTraining, model: PlannedModel, need: TrainingNeed): MemoryPlan {
  const work = { ...shape(config, model.spec, need), ...largestBatch(config, model.spec, need) };
  const plan = planTraining(model, work);
  return config.stored_rows === undefined ? plan : { ...plan, keptLayers: keptLayers(model.spec, work) };
}

/** Examples that the plan looks at in the order of training; what a longer one goes on with is bounded by what any update may come to. */
const walkedExamples = 2 ** 16;

export type LargestBatch = Pick<TrainingWork, "rows" | "labelledRows" | "examples" | "prefixRows">;

/** The most rows, labelled rows and examples of any micro-batch to come, and the longest prefix that several have in common. */
export function largestBatch(config: ResolvedTraining, spec: ModelSpec, need: TrainingNeed): LargestBatch {
  const plan = updatePlan(config, spec, need);
  const { batchSize, shuffle } = plan.batches;
  const perEpoch = stepsPerEpoch(need.sequences.length, plan.batches);
  const microBatches = microBatchesOf(need.sequences, plan);
  let [rows, labelledRows, examples, prefixRows] = [0, 0, 0, 0];
  const total = totalSteps(config, perEpoch);
  // In the file's order every pass is the first one again.
  const different = shuffle === "none" ? Math.min(total, perEpoch) : total;
  const walked = Math.min(different, Math.max(perEpoch, Math.ceil(walkedExamples / batchSize)));
  for (let update = 0; update < walked; ++update) {
    const batches = microBatches(update);
    prefixRows = Math.max(prefixRows, commonPrefix(batches, plan.sharing));
    for (const batch of batches) {
      rows = Math.max(rows, packedRows(batch, plan.sharing));
      labelledRows = Math.max(labelledRows, sum(batch.map(labelledTokens)));
      examples = Math.max(examples, batch.length);
    }
  }
  return walked < different ? largestUpdate(need, plan) : { rows, labelledRows, examples, prefixRows };
}

/** No micro-batch of any order comes to more: the longest examples together, as far as a micro-batch takes them. */
function largestUpdate({ sequences }: TrainingNeed, plan: UpdatePlan): LargestBatch {
  const { batchSize } = plan.batches;
  const most = (values: readonly number[]): number => sum([...values].sort((a, b) => b - a).slice(0, batchSize));
  const lengths = sequences.map(({ tokens }) => tokens.length);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const rows = Math.max(longest, Math.min(plan.microBatchTokens, most(lengths)));
  return {
    rows,
    labelledRows: Math.min(rows, most(sequences.map(labelledTokens))),
    examples: Math.min(batchSize, sequences.length),
    prefixRows: longestPrefix(sequences, plan),
  };
}

/** No common prefix comes to more: it ends before the second longest example does. */
function longestPrefix(sequences: readonly TrainSequence[], plan: UpdatePlan): number {
  const [, second] = sequences.map(({ tokens }) => tokens.length).sort((a, b) => b - a);
  return plan.sharing === "none" ? 0 : (second ?? 0);
}

/** A micro-batch of `rows` rows, every one of them labelled. */
function planOf(config: ResolvedTraining, model: PlannedModel, need: TrainingNeed, rows: number): MemoryPlan {
  const longest = longestOf(need.sequences)?.tokens.length ?? 1;
  const most = Math.max(rows, longest);
  const prefixRows = longestPrefix(need.sequences, updatePlan(config, model.spec, need));
  return planTraining(model, {
    ...shape(config, model.spec, need),
    rows: most,
    labelledRows: most,
    examples: 1,
    prefixRows,
  });
}

function expectOneSequenceFits(
  config: ResolvedTraining,
  model: PlannedModel,
  need: TrainingNeed,
  limit: MemoryLimit,
): void {
  const longest = longestOf(need.sequences);
  if (longest === undefined) return;
  const least = { ...config, micro_batch_tokens: 1 };
  const length = longest.tokens.length;
  const work = {
    ...shape(least, model.spec, need),
    rows: length,
    labelledRows: labelledTokens(longest),
    examples: 1,
    prefixRows: 0,
  };
  const { peak } = planTraining(model, work);
  if (peak <= limit.bytes) return;
  throw new InputError(
    "memory",
    `${limit.source === "device" ? `${formatByteSize(limit.bytes)} free on the card` : `A memory budget of ${formatByteSize(limit.bytes)}`} is too small for one sequence: training on example ${longest.id} alone (${length} tokens) needs ${formatByteSize(peak)}; ${limit.source === "device" ? "end other programs on the card, use --weights q4" : "raise --memory-budget"}, or leave out or cut long examples (--cutoff-len).`,
  );
}

function shape(config: ResolvedTraining, spec: ModelSpec, { settings, sequences }: TrainingNeed) {
  const longest = longestOf(sequences)?.tokens.length ?? 1;
  return { adapter: settings, dropout: settings.dropout, storedRows: storedRows(config, spec, settings), longest };
}

function longestOf(sequences: readonly TrainSequence[]): TrainSequence | undefined {
  const [first] = sequences;
  return sequences.reduce((most, one) => (one.tokens.length > (most?.tokens.length ?? 0) ? one : most), first);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
