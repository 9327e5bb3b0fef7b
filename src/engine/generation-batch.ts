// How many sequences and rows the engine takes at once. Results don't depend on it; memory and speed do.
import type { ModelSpec } from "../native/types.js";
import type { GenerationWork, PlannedAdapter } from "./memory-plan.js";

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

/** What generating answers of up to `maxNewTokens` to prompts of these lengths takes at once. */
export function generationWork(
  spec: ModelSpec,
  prompts: readonly number[],
  maxNewTokens: number,
  adapter: PlannedAdapter | null,
): GenerationWork {
  const lengths = prompts.map((length) => Math.min(length + maxNewTokens, spec.maxPositions));
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  return { adapter, sequences: sequencesAtOnce(spec, longest), lengths, rowsPerStep };
}
