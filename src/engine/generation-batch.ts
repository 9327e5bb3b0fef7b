// How many sequences and rows the engine takes at once. Results don't depend on it; memory and speed do.
import type { ModelSpec } from "../native/types.js";

/** Memory that keys and values may take at most, in bytes. */
const cacheBudget = 256 * 1024 * 1024;
const mostSequences = 64;

/** Rows of one step: prompts enter in chunks of this size beside running rows. */
export const rowsPerStep = 256;

/** As many sequences of the given length (prompt and answer) as the budget holds, at least one. */
export function sequencesAtOnce(spec: ModelSpec, longest: number): number {
  const bytesPerToken = 2 * 4 * spec.layers.length * spec.kvHeads * spec.headSize; // keys and values in f32
  return Math.max(1, Math.min(mostSequences, Math.floor(cacheBudget / (bytesPerToken * Math.max(1, longest)))));
}
