// What the cpu's kernels hold beside what the engine asks for, from sizes alone: the slots of native/kernels/cpu/workspace.h. A change there belongs here too.
import type { LoraTarget, ModelSpec } from "../native/types.js";
import { digitBytes } from "./weight-memory.js";

/** Rows of a page of the key-value cache (native/kernels/tensor.h). */
export const pageRows = 32;

export const keys = (spec: ModelSpec): number => spec.kvHeads * spec.headSize;
export const queries = (spec: ModelSpec): number => spec.queryHeads * spec.headSize;

/** A micro-batch, by what the kernels' scratch depends on. */
export interface TrainedRows {
  readonly rows: number;
  readonly labelledRows: number;
  /** Rows of the longest example. */
  readonly longest: number;
  readonly examples: number;
  /** That have adapters. */
  readonly targets: readonly LoraTarget[];
}

/** Bytes of the workspace in training: rows cut into tiles, keys and values in pages, gradients of keys, the head's statistics and sums. */
export function trainingScratch(
  spec: ModelSpec,
  threads: number,
  { rows, labelledRows, longest, examples, targets }: TrainedRows,
): number {
  // Without adapters there, the gradients of gate and up lie side by side together.
  const apart = targets.some((target) => target === "gate_proj" || target === "up_proj");
  const widest = Math.max(spec.width, queries(spec), (apart ? 1 : 2) * spec.innerWidth);
  const tiles = Math.ceil(rows / tilePair) * tilePair * tileReals * widest;
  const pages = 4 * (rows + examples * pageRows) * keys(spec);
  const strips = Math.ceil(longest / stripRows);
  const gradients = 2 * keys(spec) * rows * Math.max(1, (strips + 1) / 2);
  const chunks = Math.ceil(spec.vocabSize / headChunk);
  const ranges = Math.min(headRanges, chunks);
  const summedRows = Math.min(labelledRows, Math.max(2, Math.ceil((2 * threads) / ranges)) * headRows);
  const head = labelledRows * (2 * chunks + 1) + ranges * summedRows * spec.width;
  return 4 * (tiles + pages + gradients + head) + threads * (workerBytes(spec) + 4 * rows * 32);
}

/** Rows of a strip of queries (native/kernels/cpu/attention_plan.h); columns of a chunk of the head and rows of a block (head_chunks.h), ranges of chunks (cross_entropy.cc). */
const stripRows = 256;
export const headChunk = 512;
const headRows = 168;
const headRanges = 16;

/** Reals that a row cut into tiles takes for each float on a matrix unit (native/kernels/cpu/amx/pieces.h); planned everywhere, though elsewhere it is one. */
const tileReals = 1.5;
/** Rows of two such tiles, which take memory together. */
const tilePair = 32;
/** Floats of the weights that are laid out there, of a panel and the next (panel_product.cc). */
const laidFloats = 2 * 24 * 3 * 2 * 256;

/** Bytes of few rows that each worker cuts into tiles for itself there: blocks of two tiles × 32 inputs (amx/linear.cc). */
const splitBytes = 192 * tilePair * tileReals * 4 * 32;

/** Rows so few that each worker cuts them into tiles for itself (tiled_rows.h), and columns of a strip. */
const [fewRows, stripColumns] = [224, 64];

/** Bytes of a worker's own scratch: a chunk of logits, its rows cut into tiles, and weights unpacked; or few rows beside weights laid out; or digits. */
export function workerBytes(spec: ModelSpec): number {
  const apart = 4 * (fewRows * Math.max(spec.width, queries(spec), spec.innerWidth) + stripColumns * (768 + fewRows));
  const tiles = 4 * (headRows * (headChunk + 32) + tileReals * 192 * Math.max(spec.width, headChunk) + laidFloats);
  return Math.max(tiles, 4 * laidFloats + splitBytes, apart, digitBytes);
}
