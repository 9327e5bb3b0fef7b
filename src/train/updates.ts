// What an update computes: its examples in micro-batches, packed for the engine. It follows from data, configuration and step alone, so that the next one can
// be made while the engine works on the one before, and that all of them are known before the first.
import type { AdapterSettings } from "../engine/adapter-settings.js";
import type { ModelSpec, TrainBatch } from "../native/types.js";
import {
  type BatchPlan,
  epochOrder,
  labelledTokens,
  packBatch,
  sharedPrefix,
  stepsPerEpoch,
  type TrainSequence,
  updateExamples,
} from "./batches.js";
import { batchPlan, type ResolvedTraining } from "./config.js";
import { type PrefixSharing, prefixSharing, splitByRows } from "./micro-batches.js";

export interface UpdatePlan {
  readonly batches: BatchPlan;
  readonly sharing: PrefixSharing;
  /** Most rows of a micro-batch. */
  readonly microBatchTokens: number;
}

export function updatePlan(
  config: ResolvedTraining,
  spec: ModelSpec,
  { settings, seed }: { readonly settings: AdapterSettings; readonly seed: number },
): UpdatePlan {
  return {
    batches: batchPlan(config, seed),
    sharing: prefixSharing(spec, settings),
    microBatchTokens: config.micro_batch_tokens,
  };
}

/** The micro-batches of update `step` (from 0, over all passes) of a training on these sequences. */
export function microBatchesOf(
  sequences: readonly TrainSequence[],
  { batches, sharing, microBatchTokens }: UpdatePlan,
): (step: number) => TrainSequence[][] {
  const ids = sequences.map(({ id }) => id);
  const perEpoch = stepsPerEpoch(sequences.length, batches);
  let known: { readonly epoch: number; readonly order: readonly number[] } | null = null;
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (known?.epoch !== epoch) known = { epoch, order: epochOrder(ids, batches, epoch) };
    const examples = updateExamples(known.order, batches, step % perEpoch).flatMap((index) => sequences[index] ?? []);
    return splitByRows(examples, microBatchTokens, sharing);
  };
}

export interface Update {
  readonly batches: readonly TrainBatch[];
  /** Of its examples; a common prefix counts for each. */
  readonly tokens: number;
}

type MicroBatches = readonly (readonly TrainSequence[])[];

/** How many first tokens several micro-batches have in common: computed once for the update. */
export function commonPrefix(microBatches: MicroBatches, sharing: PrefixSharing): number {
  return sharing === "none" || microBatches.length < 2 ? 0 : sharedPrefix(microBatches.flat());
}

/** An update's micro-batches as the engine takes them; the loss is the mean over all its labelled tokens. */
export function packUpdate(microBatches: MicroBatches, sharing: PrefixSharing): Update {
  const examples = microBatches.flat();
  const labelled = examples.reduce((sum, sequence) => sum + labelledTokens(sequence), 0);
  const common = commonPrefix(microBatches, sharing);
  const batches = microBatches.map((batch, i) => {
    const packed = packBatch(batch, 1 / labelled, sharing === "prefix" ? sharedPrefix(batch) : 0, common);
    if (common === 0) return packed;
    return { ...packed, prefix: { opens: i === 0, closes: i + 1 === microBatches.length } };
  });
  return { batches, tokens: examples.reduce((sum, { tokens }) => sum + tokens.length, 0) };
}
