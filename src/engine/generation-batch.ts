// How many sequences and rows the engine takes at once. Results don't depend on it; memory and speed do.
import type { ModelSpec } from "../native/types.js";
import type { GenerationWork, PlannedAdapter, ScoringWork } from "./memory-plan.js";

/** Bytes that keys and values may take at most; rows that don't fit wait. Taken as it is used. */
export const cacheBudget = 512 * 1024 * 1024;

/** Most sequences that run at once. */
export const mostSequences = 64;

/** Rows of one step: prompts enter in chunks of this size beside running rows. */
export const rowsPerStep = 256;

/** Rows of a step that scores: enough for several questions with common examples before them. A longer sequence is a step of its own. */
export const scoringRows = 1024;

/** What generating answers of up to `maxNewTokens` to prompts of these lengths takes at once. */
export function generationWork(
  spec: ModelSpec,
  prompts: readonly number[],
  maxNewTokens: number,
  adapter: PlannedAdapter | null,
): GenerationWork {
  const lengths = prompts.map((length) => Math.min(length + maxNewTokens, spec.maxPositions));
  return { adapter, sequences: mostSequences, lengths, rowsPerStep, cacheBytes: cacheBudget };
}

/** What scoring rows of these lengths takes at once, in steps of so many rows. */
export function scoringWork(
  lengths: readonly number[],
  adapter: PlannedAdapter | null,
  step: number = rowsPerStep,
): ScoringWork {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const rows = Math.max(longest, Math.min(total, step));
  return { adapter, rows, sequences: Math.min(lengths.length, step) };
}
