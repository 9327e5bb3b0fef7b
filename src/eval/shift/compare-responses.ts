// How far a trained model's answers moved from the seed's, answer by answer (PROTOCOL §5): BLEU-4, ROUGE-L, similarity of embeddings.
import { throwIfInterrupted } from "../../base/interrupted.js";
import type { Reporter } from "../../base/reporter.js";
import { bleu4 } from "../../metrics/bleu.js";
import { loadJieba, type WordCutter } from "../../metrics/jieba-words.js";
import { rougeL } from "../../metrics/rouge.js";
import type { MetricValue } from "../../tasks/score.js";
import { meanMetric } from "./mean-metric.js";
import { pairResponses, type Response, type ResponsePair, type SideNames } from "./pair-responses.js";

/** What turns texts into vectors; src/engine/encoder.ts fits. */
export interface SentenceEncoder {
  embed(
    texts: readonly string[],
    options?: { onProgress?: (done: number) => void; signal?: AbortSignal | undefined },
  ): Promise<readonly Float32Array[]>;
}

/** A row of shift/rows.jsonl. */
export interface ShiftRow {
  readonly id: string;
  readonly bleu4: number;
  readonly rouge_l: number;
  /** Cosine of the two embeddings; null where no encoder was asked. */
  readonly similarity: number | null;
}

export interface ResponseShift {
  /** In the order of the reference. */
  readonly rows: readonly ShiftRow[];
  /** bleu4, rouge_l and, with an encoder, similarity: means over rows. */
  readonly metrics: readonly MetricValue[];
}

export interface CompareOptions {
  /** Of the bootstrap. */
  readonly seed?: number;
  /** How the two sides are called in errors. */
  readonly names?: SideNames;
  readonly stage?: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** `reference` are the seed's answers. Rows meet by id; null as encoder leaves the similarity out. */
export async function compareResponses(
  reference: readonly Response[],
  predictions: readonly Response[],
  encoder: SentenceEncoder | null,
  options: CompareOptions = {},
): Promise<ResponseShift> {
  const pairs = pairResponses(reference, predictions, options.names);
  const cut = await loadJieba();
  const similarities = encoder === null ? null : await compareMeanings(pairs, encoder, options);
  const rows = pairs.map((pair, index) => ({ ...compareTexts(pair, cut), similarity: similarities?.[index] ?? null }));
  const seed = options.seed ?? 0;
  const metrics = [
    meanMetric(
      "bleu4",
      rows.map((row) => row.bleu4),
      seed,
    ),
    meanMetric(
      "rouge_l",
      rows.map((row) => row.rouge_l),
      seed,
    ),
  ];
  if (similarities !== null) metrics.push(meanMetric("similarity", similarities, seed));
  return { rows, metrics };
}

function compareTexts({ id, reference, prediction }: ResponsePair, cut: WordCutter): Omit<ShiftRow, "similarity"> {
  return {
    id,
    bleu4: bleu4(reference.output, prediction.output),
    rouge_l: rougeL(cut(reference.output), cut(prediction.output)).f,
  };
}

async function compareMeanings(
  pairs: readonly ResponsePair[],
  encoder: SentenceEncoder,
  options: CompareOptions,
): Promise<number[]> {
  const texts = pairs.flatMap(({ reference, prediction }) => [reference.output, prediction.output]);
  throwIfInterrupted(options.signal, "Comparing answers was interrupted: run the same command again.");
  const stage = options.stage ?? "embed answers";
  const vectors = await encoder.embed(texts, {
    signal: options.signal,
    onProgress: (done) => options.reporter?.progress({ stage, done, total: texts.length, unit: "answers" }),
  });
  return pairs.map((_, index) => cosine(vectors[2 * index], vectors[2 * index + 1]));
}

/** In double precision; the lengths are divided out again, since vectors of single precision are of length 1 only nearly. */
function cosine(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  const lengths = Math.sqrt(squareA * squareB);
  return lengths === 0 ? 0 : product / lengths;
}
