// How speed grows with sequences side by side and with the length of training sequences, at the shapes of models from 135M to 7B (made-up weights).
// Few tokens each, so that a figure takes seconds.
import { performance } from "node:perf_hooks";
import type { Engine } from "../engine/engine.js";
import type { EngineChoice } from "./engine-choice.js";
import { openChosen, systemName } from "./engine-choice.js";
import { forced } from "./generating.js";
import { makeUpModel, modelShapes, type ShapeName } from "./made-up-model.js";
import type { JobResult, Measurement } from "./measurement.js";
import { measureTraining } from "./training.js";
import type { WorkRow } from "./work.js";

interface Amounts {
  readonly prompt: number;
  readonly newTokens: number;
  readonly sequences: readonly number[];
  readonly lengths: readonly number[];
  /** Tokens of an update at least: shorter sequences go several at once. */
  readonly update: number;
}

const sequences = [1, 2, 4, 8, 16, 32, 64];
const lengths = [64, 128, 256, 512, 1024, 2048];

/** A 7B model does some 15 tokens a second on two cores: long sequences would take minutes each. */
const amounts: Record<ShapeName, Amounts> = {
  "135M": { prompt: 16, newTokens: 32, sequences, lengths, update: 1024 },
  "0.5B": { prompt: 16, newTokens: 16, sequences, lengths, update: 512 },
  "1B": { prompt: 8, newTokens: 8, sequences, lengths: lengths.slice(0, 5), update: 256 },
  "7B": { prompt: 4, newTokens: 5, sequences, lengths: lengths.slice(0, 3), update: 64 },
};

export async function measureScaling(name: ShapeName, choice: EngineChoice): Promise<JobResult> {
  await using model = await makeUpModel(modelShapes[name]);
  using engine = await openChosen(model, choice);
  const work = amounts[name];
  const measurements: Measurement[] = [];
  await decodingSpeed(engine, 1, { ...work, newTokens: 4 });
  for (const count of work.sequences) {
    measurements.push({
      ...{ system: systemName(choice), unit: "tokens/s", value: await decodingSpeed(engine, count, work) },
      metric: `${name}, generating, ${count} ${count === 1 ? "sequence" : "sequences"}`,
      details: { shape: modelShapes[name].of, prompt: work.prompt, new: work.newTokens },
    });
  }
  for (const length of work.lengths) {
    const batch = Math.max(1, Math.floor(work.update / length));
    const rows = Array.from({ length: batch }, (_, row) => madeUpRow(engine, row, length));
    const { measurements: made } = await measureTraining(engine, { ...choice, profile: false }, { rows, batch });
    for (const measurement of made.filter(({ metric }) => metric !== "peak memory"))
      measurements.push({ ...measurement, metric: `${name}, ${measurement.metric}, ${length} tokens a sequence` });
  }
  return { measurements, notes: [] };
}

/** New tokens a second from the step on in which the last sequence has got its first. */
export async function decodingSpeed(
  engine: Engine,
  count: number,
  { prompt, newTokens }: { readonly prompt: number; readonly newTokens: number },
): Promise<number> {
  const prompts = Array.from({ length: count }, (_, row) => ({
    id: String(row),
    tokens: madeUpTokens(engine.spec.vocabSize, row, prompt),
  }));
  const begun = new Set<number>();
  let [before, started] = [0, Number.NaN];
  await engine.generate(prompts, forced(newTokens), {
    onTokens: (index) => void begun.add(index),
    onProgress: (progress) => {
      if (begun.size < count || !Number.isNaN(started)) return;
      before = progress.newTokens;
      started = performance.now();
    },
  });
  return (count * newTokens - before) / ((performance.now() - started) / 1000);
}

/** The last fifth is labelled, as in the OpenFunctions rows. */
function madeUpRow(engine: Engine, row: number, length: number): WorkRow {
  const tokens = madeUpTokens(engine.spec.vocabSize, row, length);
  return { tokens, labels: tokens.map((token, i) => (i < 0.8 * length ? -100 : token)) };
}

/** No two rows begin alike: nothing is shared. */
export function madeUpTokens(vocabSize: number, row: number, length: number): number[] {
  return Array.from({ length }, (_, i) => (7919 * (row + 1) + 104729 * i) % vocabSize);
}
