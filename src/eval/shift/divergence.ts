// How far the trained model's next-token distributions lie from the seed's, on the seed's own answers to the same prompts.
import { InputError } from "../../base/error.js";
import type { TextExample } from "../../data/example.js";
import type { AdapterHandle } from "../../engine/engine.js";
import type { MetricValue } from "../../tasks/score.js";
import type { PromptRenderer } from "../../templates/render.js";
import type { PredictionRow } from "../prediction.js";
import { meanMetric } from "./mean-metric.js";

/** A prompt with an answer. */
export interface DivergenceInput {
  readonly id: string;
  readonly tokens: readonly number[];
  /** How many of the tokens are the prompt's. */
  readonly promptLength: number;
}

/** What compares two states of one model; the engine fits. */
export interface DivergingModel {
  divergence(
    rows: readonly DivergenceInput[],
    between: {
      readonly from: AdapterHandle | null;
      readonly to: AdapterHandle | null;
      readonly onProgress?: (done: number) => void;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<readonly { readonly id: string; readonly kl: ArrayLike<number> }[]>;
}

export interface DivergenceRow {
  readonly id: string;
  /** Nats, the mean over the answer's tokens. */
  readonly kl: number;
  readonly tokens: number;
}

export interface Divergence {
  readonly rows: readonly DivergenceRow[];
  /** kl: the mean over rows, each row counting once. */
  readonly metrics: readonly MetricValue[];
}

export interface DivergenceOptions {
  readonly adapter: AdapterHandle;
  /** Of the bootstrap. */
  readonly seed?: number;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** KL(seed ‖ trained) at each token of the answers. */
export async function divergenceMetrics(
  model: DivergingModel,
  inputs: readonly DivergenceInput[],
  options: DivergenceOptions,
): Promise<Divergence> {
  if (inputs.length === 0) {
    throw new InputError(
      "empty_data",
      "Expected at least one answer of the seed model to compare on but there is none.",
    );
  }
  const { adapter, onProgress, signal } = options;
  const hooks = { ...(onProgress === undefined ? {} : { onProgress }), signal };
  const results = await model.divergence(inputs, { from: null, to: adapter, ...hooks });
  const rows = results.map(({ id, kl }) => {
    const values = Array.from(kl);
    return { id, kl: values.reduce((sum, value) => sum + value, 0) / values.length, tokens: values.length };
  });
  return {
    rows,
    metrics: [
      meanMetric(
        "kl",
        rows.map(({ kl }) => kl),
        options.seed ?? 0,
      ),
    ],
  };
}

/**
 * The seed's answers behind the prompts they were made from, with the end token where they ended by themselves. An empty answer that did
 * not end has no token to compare at and is left out.
 */
export function divergenceInputs(
  examples: readonly TextExample[],
  answers: readonly Pick<PredictionRow, "id" | "output" | "finish">[],
  renderer: PromptRenderer,
): DivergenceInput[] {
  const byId = new Map(examples.map((example) => [example.id, example]));
  return answers.flatMap(({ id, output, finish }) => {
    const example = byId.get(id);
    if (example === undefined)
      throw new InputError("unknown_id", `There is an answer for id "${id}", but the data has no row of that id.`);
    const prompt = renderer.promptTokens(example);
    const answer = renderer.pieceTokens([
      { kind: "text", text: output },
      ...(finish === "stop" ? [{ kind: "end" as const }] : []),
    ]);
    return answer.length === 0 ? [] : [{ id, tokens: [...prompt, ...answer], promptLength: prompt.length }];
  });
}
