// What the cuda backend holds beside what the engine asks for, from sizes alone: the slots of native/kernels/cuda/runtime.h. A change there
// belongs here too; test/cuda/library.test.ts holds the sizes against the library's.
import type { ModelSpec, WeightEntry, WeightFormat } from "../native/loading.js";
import type { PlannedSizes } from "../native/types.js";
import { formOf } from "./weight-memory.js";

/** Of the library; here too, because a card's memory is planned without one. */
export const plannedSizes: PlannedSizes = {
  pageRows: 32,
  logitBytes: 128 * 2 ** 20,
  sumRows: 512,
  workspaceBytes: 32 * 2 ** 20,
  tileRows: 64,
  splitKeys: 256,
  splitBlocks: 864,
  flashHeads: [64, 80, 96, 128, 256],
  flashGroup: 32,
  largestHead: 256,
};

/** A step on the device, at its largest. */
export interface DeviceStep {
  readonly rows: number;
  /** Rows whose logits are needed only for a loss: made a block at a time. */
  readonly lossRows: number;
  /** Sequences whose keys and values are laid out for the step alone; 0: they are in the cache. */
  readonly sequences: number;
  readonly backward: boolean;
  /** Of the adapter; 0: none. */
  readonly rank: number;
}

interface DeviceModel {
  readonly spec: ModelSpec;
  readonly weights: readonly WeightEntry[];
  readonly weightFormat: WeightFormat;
  /** Everything in float32 (SDFT_CUDA_EXACT). */
  readonly exact?: boolean;
}

/** The code of the kernels, and what cuBLASLt takes for itself: not measured yet. The driver's own context is made before free memory is asked for. */
export const deviceLibraries = { name: "kernels and libraries", bytes: 256 * 2 ** 20, remedy: null } as const;

/** Bytes of a key's or value's element: heads of the tensor-core kernels are kept in bf16 (flash_takes of attention.h), if products are rounded at all. */
export function cachedBytes({ headSize, queryHeads, kvHeads }: ModelSpec, exact = false): number {
  const { flashHeads, flashGroup } = plannedSizes;
  return !exact && flashHeads.includes(headSize) && queryHeads / kvHeads <= flashGroup ? 2 : 4;
}

export function deviceScratch({ spec, weights, weightFormat, exact }: DeviceModel, step: DeviceStep): number {
  const { rows, lossRows, sequences, rank } = step;
  const back = step.backward ? 1 : 0;
  const keys = spec.kvHeads * spec.headSize;
  const queries = spec.queryHeads * spec.headSize;
  const widest = Math.max(spec.width, queries, spec.innerWidth);
  const matrices = weights.filter(({ shape }) => shape.length === 2);
  const unpacked = matrices.filter(({ type }) => !["f32", "bf16"].includes(formOf(type, weightFormat)));
  const most = (numbers: readonly number[]): number => numbers.reduce((top, one) => Math.max(top, one), 0);
  const elements = ({ shape: [out = 0, input = 0] }: WeightEntry): number => out * up(input, 8);
  // cross_entropy.cu: rows_together.
  const stride = up(spec.vocabSize, 4);
  const together = Math.min(
    up(lossRows, 64),
    Math.max(64, Math.floor(plannedSizes.logitBytes / (4 * stride) / 64) * 64),
  );
  const split = matrices.map(
    ({ shape: [out = 0, input = 0] }) => 4 * Math.floor(input / 512) * Math.min(rows, 64) * out,
  );
  return (
    Math.max(2 * rows * up(widest, 8), back * 2 * together * up(spec.vocabSize, 8)) + // rounded operands
    back * 2 * rows * (up(queries, 8) + 2 * up(keys, 8)) + // of attention's backward pass
    2 * most(unpacked.map(elements)) +
    4 * together * stride +
    2 * cachedBytes(spec, exact) * (sequences > 0 ? rows + sequences * plannedSizes.pageRows : 0) * keys +
    back * 4 * rows * spec.queryHeads +
    Math.max(
      most(split),
      attentionSplits(spec, rows, exact),
      back * 4 * Math.ceil(rows / plannedSizes.sumRows) * rank * widest,
    ) + // sums in parts
    64 * rows + // tables of attention, positions
    plannedSizes.workspaceBytes
  );
}

/** Of flash.cu's splits: a tile's sums, its largest score and its total. A step of so many rows has at most as many tiles. */
function attentionSplits(spec: ModelSpec, rows: number, exact: boolean | undefined): number {
  const { splitKeys, splitBlocks, tileRows } = plannedSizes;
  if (cachedBytes(spec, exact) === 4 || spec.maxPositions <= splitKeys) return 0;
  const blocks = Math.min(splitBlocks, rows * spec.kvHeads * Math.ceil(spec.maxPositions / splitKeys));
  return 4 * blocks * tileRows * (spec.headSize + 2);
}

const up = (value: number, step: number): number => Math.ceil(value / step) * step;
