// How an update's examples are split into micro-batches: by packed rows, so that memory has a bound whatever the lengths. A function of the configuration
// and the examples alone, because gradients are the same bits only for the same micro-batches.
import { activationRowBytes, type PlannedAdapter } from "../engine/memory-plan.js";
import type { ModelSpec } from "../native/types.js";
import { sharedPrefix, type TrainSequence } from "./batches.js";

export type PrefixSharing = "prefix" | "none";

/** First tokens in common are computed once, except where that would change numbers: dropout, and ropes that depend on a sequence's length. */
export function prefixSharing(spec: ModelSpec, adapter: { readonly dropout: number }): PrefixSharing {
  return adapter.dropout === 0 && spec.ropes.every((rope) => rope.dynamic === null) ? "prefix" : "none";
}

/** What a micro-batch may keep for its backward pass unless the configuration says otherwise, and the fewest rows that still keep products tall. */
const activationBytes = 432 * 2 ** 20;
const fewestRows = 256;
/** What an example that is longer than a micro-batch may keep, as so many micro-batches: to run layers again takes about a fifth of a long example's time. */
const longExample = 4;
/** No product gains from more. */
const mostRows = 4096;

/** Most rows of a micro-batch where the configuration does not say: from the shape of model and adapter, in steps of 32. */
export function defaultMicroBatchTokens(
  spec: ModelSpec,
  adapter: PlannedAdapter,
  activations: "store" | "recompute",
): number {
  const kept = activations === "store" ? "all" : "inputs";
  const rows = Math.floor(activationBytes / activationRowBytes(spec, adapter, kept) / 32) * 32;
  return Math.min(mostRows, Math.max(fewestRows, rows));
}

/** Rows of an example longer than a micro-batch whose layers are all kept: in proportion to micro-batches that are smaller than the shape asks for. */
export function keptRows(spec: ModelSpec, adapter: PlannedAdapter, microBatchTokens: number): number {
  const rows = Math.floor((longExample * activationBytes) / activationRowBytes(spec, adapter, "all"));
  return Math.max(microBatchTokens, Math.min(rows, longExample * microBatchTokens));
}

/** Rows that the sequences take in one micro-batch: a common prefix counts once. */
export function packedRows(sequences: readonly TrainSequence[], sharing: PrefixSharing): number {
  const tokens = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
  return sharing === "none" ? tokens : tokens - sharedPrefix(sequences) * Math.max(0, sequences.length - 1);
}

/**
 * Micro-batches of at most `most` rows, as few as can be, of about equal size, each in the order of the update. A sequence is never split: one that is
 * longer stands alone.
 */
export function splitByRows(
  sequences: readonly TrainSequence[],
  most: number,
  sharing: PrefixSharing,
): TrainSequence[][] {
  const least = Math.max(1, Math.ceil(packedRows(sequences, sharing) / most));
  for (let count = least; count < sequences.length; ++count) {
    const batches = spread(sequences, count);
    if (batches.every((batch) => batch.length === 1 || packedRows(batch, sharing) <= most)) return batches;
  }
  return sequences.map((sequence) => [sequence]);
}

/** The longest first, each to the micro-batch with the fewest tokens so far. */
function spread(sequences: readonly TrainSequence[], count: number): TrainSequence[][] {
  const bins = Array.from({ length: count }, () => ({ tokens: 0, members: [] as number[] }));
  const order = sequences
    .map((_, index) => index)
    .sort((a, b) => lengthAt(sequences, b) - lengthAt(sequences, a) || a - b);
  for (const index of order) {
    const bin = bins.reduce((lightest, other) => (other.tokens < lightest.tokens ? other : lightest));
    bin.tokens += lengthAt(sequences, index);
    bin.members.push(index);
  }
  return bins
    .filter(({ members }) => members.length > 0)
    .map(({ members }) => members.sort((a, b) => a - b))
    .sort(([a = 0], [b = 0]) => a - b)
    .map((members) => members.flatMap((index) => sequences[index] ?? []));
}

function lengthAt(sequences: readonly TrainSequence[], index: number): number {
  return sequences[index]?.tokens.length ?? 0;
}
