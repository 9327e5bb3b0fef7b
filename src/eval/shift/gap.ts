// The distribution gap itself: how likely the seed model finds the answers it is to be trained on, before any training; original
// against distilled.
import { InputError } from "../../base/error.js";
import type { TextExample } from "../../data/example.js";
import type { ScoreRow as ScoreInput } from "../../engine/engine.js";
import { stripText } from "../../metrics/python-text.js";
import { pairedBootstrap } from "../../metrics/statistics.js";
import type { MetricValue } from "../../tasks/score.js";
import type { PromptRenderer } from "../../templates/render.js";
import { meanMetric } from "./mean-metric.js";

/** An example's two targets as token ids, the end token included, as they are trained. */
export interface GapTarget {
  readonly id: string;
  readonly prompt: readonly number[];
  readonly original: readonly number[];
  readonly distilled: readonly number[];
}

/** What gives log-probabilities; the engine fits. */
export interface ScoringModel {
  score(
    rows: readonly ScoreInput[],
    options?: { onProgress?: (done: number) => void; signal?: AbortSignal | undefined },
  ): Promise<readonly ArrayLike<number>[]>;
}

export interface GapRow {
  readonly id: string;
  /** Natural logarithms, the mean over the target's tokens. */
  readonly logprob_original: number;
  readonly logprob_distilled: number;
}

export interface Gap {
  readonly rows: readonly GapRow[];
  /** logprob_original and logprob_distilled: means over rows, each row counting once. */
  readonly metrics: readonly MetricValue[];
  /** distilled − original on the same rows, with the paired bootstrap's 95 % interval. */
  readonly difference: { readonly value: number; readonly n: number; readonly low: number; readonly high: number };
}

export interface GapOptions {
  /** Of the bootstrap. */
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Targets that are the same twice are scored once; a row's two targets share the prompt's work. */
export async function gapMetrics(
  model: ScoringModel,
  targets: readonly GapTarget[],
  options: GapOptions = {},
): Promise<Gap> {
  if (targets.length === 0)
    throw new InputError("empty_data", "Expected at least one example to score but there is none.");
  const inputs = targets.flatMap((target) => {
    const { id, prompt, original, distilled } = target;
    const row = (answer: readonly number[]): ScoreInput => ({
      id,
      tokens: [...prompt, ...answer],
      from: prompt.length,
    });
    return sameTargets(target) ? [row(original)] : [row(original), row(distilled)];
  });
  const total = inputs.length;
  const results = await model.score(inputs, {
    signal: options.signal,
    onProgress: (done) => options.onProgress?.(done, total),
  });
  let next = 0;
  const rows = targets.map((target) => {
    const original = meanOf(results[next++] ?? []);
    const distilled = sameTargets(target) ? original : meanOf(results[next++] ?? []);
    return { id: target.id, logprob_original: original, logprob_distilled: distilled };
  });
  const before = rows.map((row) => row.logprob_original);
  const after = rows.map((row) => row.logprob_distilled);
  const seed = options.seed ?? 0;
  const { difference: value, low, high } = pairedBootstrap(before, after, { seed });
  return {
    rows,
    metrics: [meanMetric("logprob_original", before, seed), meanMetric("logprob_distilled", after, seed)],
    difference: { value, n: rows.length, low, high },
  };
}

/**
 * The examples' responses, trimmed as distilling trims them, and what it made of them, behind the training template's prompts.
 * Every example needs its distilled row.
 */
export function gapTargets(
  examples: readonly TextExample[],
  distilled: readonly { readonly id: string; readonly response: string }[],
  renderer: PromptRenderer,
): GapTarget[] {
  const byId = new Map(distilled.map((row) => [row.id, row.response]));
  const answer = (text: string): number[] => renderer.pieceTokens([{ kind: "text", text }, { kind: "end" }]);
  return examples.map((example) => {
    const rewritten = byId.get(example.id);
    if (example.response === null || rewritten === undefined) {
      throw new InputError(
        "missing_rows",
        `Expected an original and a distilled response of row ${example.id} but the ${example.response === null ? "original" : "distilled one"} is missing.`,
      );
    }
    return {
      id: example.id,
      prompt: renderer.promptTokens(example),
      original: answer(stripText(example.response)),
      distilled: answer(rewritten),
    };
  });
}

function sameTargets({ original, distilled }: GapTarget): boolean {
  return original.length === distilled.length && original.every((token, index) => token === distilled[index]);
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}
