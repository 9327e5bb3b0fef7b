// Greedy generation with end tokens ignored: many prompts at once, or one sequence's decoding alone.
import { performance } from "node:perf_hooks";
import type { Engine } from "../engine/engine.js";
import { greedySampling, type Sampling } from "../engine/sampling.js";
import { type EngineChoice, peakMebibytes, systemName, watchKernels } from "./engine-choice.js";
import type { JobResult, Measurement } from "./measurement.js";
import type { WorkRow } from "./work.js";

export interface GeneratingWork {
  readonly rows: readonly WorkRow[];
  /** Tokens for each prompt. */
  readonly newTokens: number;
}

/** What the case `decode-one` measures. */
export const decodingMetrics = ["decoding one sequence", "decoding one sequence, drafted"] as const;

export interface DecodingWork extends GeneratingWork {
  /** The prompt is this many first tokens of the rows, one after the other. */
  readonly context: number;
}

/** New tokens a second, prompts included in the time, drafted, also from the original answers, where that pays; peak memory. */
export async function measureGenerating(
  engine: Engine,
  choice: EngineChoice,
  work: GeneratingWork,
): Promise<JobResult> {
  await warmUp(engine, work);
  const notes = watchKernels(engine, choice);
  const prompts = work.rows.map(({ tokens, draft }, index) => ({ id: String(index), tokens, draft }));
  const drafts = { drafted: 0, accepted: 0 };
  const started = performance.now();
  const completions = await engine.generate(prompts, forced(work.newTokens), {
    onProgress: ({ drafted, accepted }) => Object.assign(drafts, { drafted, accepted }),
  });
  const seconds = (performance.now() - started) / 1000;
  const made = completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const first = [...(completions[0]?.tokens ?? [])].slice(0, 16);
  const details = { prompts: prompts.length, new: made, seconds, ...drafts, first };
  const system = systemName(choice);
  return {
    measurements: [
      { system, metric: "generating", unit: "new tokens/s", value: made / seconds, details },
      { system, metric: "peak memory", unit: "MiB", value: peakMebibytes(), details: { ...engine.memory } },
    ],
    notes: await notes(),
  };
}

/** From the first new token on, which the prompt's own step gives, to the last: a token a step, then with tokens drafted from the prompt and the answer. */
export async function measureDecoding(engine: Engine, choice: EngineChoice, work: DecodingWork): Promise<JobResult> {
  await warmUp(engine, work);
  const tokens = work.rows.flatMap((row) => row.tokens).slice(0, work.context);
  const notes = watchKernels(engine, choice);
  const measure = async (metric: string, drafts: "off" | "auto"): Promise<Measurement> => {
    const counts = { drafted: 0, accepted: 0 };
    let started = Number.NaN;
    await engine.generate([{ id: "one", tokens }], forced(work.newTokens + 1), {
      drafts,
      onTokens: () => {
        if (Number.isNaN(started)) started = performance.now();
      },
      onProgress: ({ drafted, accepted }) => Object.assign(counts, { drafted, accepted }),
    });
    const seconds = (performance.now() - started) / 1000;
    const details = { context: tokens.length, new: work.newTokens, seconds, ...counts };
    return { system: systemName(choice), metric, unit: "tokens/s", value: work.newTokens / seconds, details };
  };
  return {
    measurements: [await measure(decodingMetrics[0], "off"), await measure(decodingMetrics[1], "auto")],
    notes: await notes(),
  };
}

async function warmUp(engine: Engine, { rows }: GeneratingWork): Promise<void> {
  await engine.generate([{ id: "warm-up", tokens: rows[0]?.tokens ?? [] }], forced(4));
}

export function forced(count: number): Sampling {
  return { ...greedySampling, maxNewTokens: count, minNewTokens: count, endTokens: "ignore" };
}
