// Which examples make up each update, and how a micro-batch of them (micro-batches.ts) is packed for the engine.
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
  /** Sequences of one update. */
  readonly batchSize: number;
  readonly shuffle: "seeded" | "none";
  readonly seed: number;
}

/** Updates of one pass over `count` examples; the last one may be smaller. */
export function stepsPerEpoch(count: number, plan: BatchPlan): number {
  return Math.ceil(count / plan.batchSize);
}

/** The order of one pass: indices into `ids`. Epochs count from 0. */
export function epochOrder(ids: readonly string[], plan: BatchPlan, epoch: number): number[] {
  return plan.shuffle === "seeded" ? seededOrder(ids, plan.seed, epoch + 1) : ids.map((_, index) => index);
}

/** The examples of update `step` (from 0) of a pass in the given order. */
export function updateExamples(order: readonly number[], plan: BatchPlan, step: number): readonly number[] {
  return order.slice(step * plan.batchSize, (step + 1) * plan.batchSize);
}

/** How many tokens of a sequence carry loss: the first token never does, nothing predicts it. */
export function labelledTokens(sequence: TrainSequence): number {
  let count = 0;
  for (let i = 1; i < sequence.labels.length; ++i) if (sequence.labels[i] !== -100) ++count;
  return count;
}

/**
 * How many first tokens all sequences have in common and may be computed once: up to the row that predicts a sequence's first label,
 * which stays the sequence's own. 0 for a single sequence.
 */
export function sharedPrefix(sequences: readonly TrainSequence[]): number {
  const [first, ...others] = sequences;
  if (first === undefined || others.length === 0) return 0;
  const firstLabel = ({ labels }: TrainSequence): number => labels.findIndex((label, i) => i > 0 && label !== -100);
  const limit = Math.min(...sequences.map((sequence) => firstLabel(sequence) - 1));
  let length = 0;
  while (length < limit && others.every(({ tokens }) => tokens[length] === first.tokens[length])) ++length;
  return length;
}

/**
 * One ragged micro-batch, labels shifted to the row that predicts them. The first `shared` tokens of all sequences are one segment, the parent of the
 * rest: computed once, same loss and gradients (not with dropout, whose masks belong to an example). With 0 no segment has a parent. The first `common`
 * tokens, with which other micro-batches begin too, are segment 0.
 */
export function packBatch(sequences: readonly TrainSequence[], lossScale: number, shared = 0, common = 0): TrainBatch {
  const tokens: number[] = []; // (N)
  const targets: number[] = []; // (N)
  const starts: number[] = []; // (S + 1)
  const parents: number[] = []; // (S)
  const ids: string[] = []; // (S)
  const addSegment = (sequence: TrainSequence, from: number, to: number, parent: number): void => {
    starts.push(tokens.length);
    parents.push(parent);
    ids.push(sequence.id);
    for (let i = from; i < to; ++i) {
      const label = sequence.labels[i + 1] ?? -100;
      tokens.push(sequence.tokens[i] ?? 0);
      targets.push(label === -100 ? -1 : label);
    }
  };
  const [first] = sequences;
  const prefixes = [common, shared].filter((end, i, ends) => end > (ends[i - 1] ?? 0)); // where they end, as a chain
  for (const [i, end] of prefixes.entries()) if (first) addSegment(first, prefixes[i - 1] ?? 0, end, i - 1);
  for (const sequence of sequences)
    addSegment(sequence, prefixes.at(-1) ?? 0, sequence.tokens.length, prefixes.length - 1);
  starts.push(tokens.length);
  return {
    tokens: Int32Array.from(tokens),
    targets: Int32Array.from(targets),
    parents: Int32Array.from(parents),
    starts: Int32Array.from(starts),
    ids,
    lossScale,
  };
}
