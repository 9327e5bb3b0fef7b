// Which examples make up each optimizer step, and how they are packed into ragged micro-batches for the engine.
// Everything is a function of (ids, options, step), so that resuming needs no saved cursor.
import { seededOrder } from "../base/seeded-order.js";
import type { TrainBatch } from "../native/types.js";

/** A sequence with its loss mask. `labels` has the length of `tokens`, is not shifted, and holds -100 where there is no loss. */
export interface TrainSequence {
  readonly id: string;
  readonly tokens: Int32Array;
  readonly labels: Int32Array;
}

export interface BatchPlan {
  /** Sequences of one micro-batch. */
  readonly microBatchSize: number;
  /** Micro-batches of one update. */
  readonly accumulationSteps: number;
  readonly shuffle: "seeded" | "none";
  readonly seed: number;
}

/** Updates of one pass over `count` examples; the last one may be smaller. */
export function stepsPerEpoch(count: number, plan: BatchPlan): number {
  return Math.ceil(count / (plan.microBatchSize * plan.accumulationSteps));
}

/** The order of one pass: indices into `ids`. Epochs count from 0. */
export function epochOrder(ids: readonly string[], plan: BatchPlan, epoch: number): number[] {
  return plan.shuffle === "seeded" ? seededOrder(ids, plan.seed, epoch + 1) : ids.map((_, index) => index);
}

/** The micro-batches of update `step` (from 0) of a pass in the given order; each is a list of indices. */
export function microBatches(order: readonly number[], plan: BatchPlan, step: number): number[][] {
  const size = plan.microBatchSize * plan.accumulationSteps;
  const chosen = order.slice(step * size, (step + 1) * size);
  const batches: number[][] = [];
  for (let i = 0; i < chosen.length; i += plan.microBatchSize) batches.push(chosen.slice(i, i + plan.microBatchSize));
  return batches;
}

/** How many tokens of a sequence carry loss: the first token never does, nothing predicts it. */
export function labelledTokens(sequence: TrainSequence): number {
  let count = 0;
  for (let i = 1; i < sequence.labels.length; ++i) if (sequence.labels[i] !== -100) ++count;
  return count;
}

/** One ragged micro-batch: every sequence a segment without a parent, labels shifted to the row that predicts them. */
export function packBatch(sequences: readonly TrainSequence[], lossScale: number): TrainBatch {
  const total = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
  const tokens = new Int32Array(total); // (N)
  const targets = new Int32Array(total).fill(-1); // (N)
  const starts = new Int32Array(sequences.length + 1); // (S + 1)
  let row = 0;
  for (const [segment, sequence] of sequences.entries()) {
    starts[segment] = row;
    tokens.set(sequence.tokens, row);
    for (let i = 1; i < sequence.labels.length; ++i) {
      const label = sequence.labels[i];
      if (label !== undefined && label !== -100) targets[row + i - 1] = label;
    }
    row += sequence.tokens.length;
  }
  starts[sequences.length] = row;
  return {
    tokens,
    targets,
    parents: new Int32Array(sequences.length).fill(-1),
    starts,
    ids: sequences.map((sequence) => sequence.id),
    lossScale,
  };
}
