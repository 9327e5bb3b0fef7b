// What an update computes: its examples in micro-batches, packed for the engine. It follows from data, configuration and step alone, so that the next one can
// be made while the engine works on the one before.
import type { TrainBatch } from "../native/types.js";
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
import { type PrefixSharing, splitByRows } from "./micro-batches.js";

export interface Update {
  readonly batches: readonly TrainBatch[];
  /** Of its examples; a common prefix counts for each. */
  readonly tokens: number;
}

export interface UpdatePlan {
  readonly batches: BatchPlan;
  readonly sharing: PrefixSharing;
  /** Most rows of a micro-batch. */
  readonly microBatchTokens: number;
}

/** Update `step` (from 0, over all passes) of a training on these sequences. */
export function updatesOf(sequences: readonly TrainSequence[], plan: UpdatePlan): (step: number) => Update {
  const ids = sequences.map(({ id }) => id);
  const perEpoch = stepsPerEpoch(sequences.length, plan.batches);
  let known: { readonly epoch: number; readonly order: readonly number[] } | null = null;
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (known?.epoch !== epoch) known = { epoch, order: epochOrder(ids, plan.batches, epoch) };
    const examples = updateExamples(known.order, plan.batches, step % perEpoch).flatMap(
      (index) => sequences[index] ?? [],
    );
    const labelled = examples.reduce((sum, sequence) => sum + labelledTokens(sequence), 0);
    const batches = splitByRows(examples, plan.microBatchTokens, plan.sharing).map((batch) =>
      packBatch(batch, 1 / labelled, plan.sharing === "prefix" ? sharedPrefix(batch) : 0),
    );
    return { batches, tokens: examples.reduce((sum, { tokens }) => sum + tokens.length, 0) };
  };
}
