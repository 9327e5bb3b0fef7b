// The tensors of an opened model as Hugging Face has them: float32, rows of queries and keys in half rotation, norms as the family stores them.

import { dequantize } from "../formats/dequantize.js";
import { readRange } from "../formats/open-file.js";
import { elementCount, tensorBytes } from "../formats/tensor-type.js";
import type { WeightEntry } from "../native/types.js";
import type { ModelPackage } from "./package.js";

/** Reads one tensor at a time. */
export async function readStoredTensor(model: ModelPackage, entry: WeightEntry): Promise<Float32Array> {
  const path = model.files[entry.file] ?? model.path;
  const bytes = await readRange("model file", path, entry.offset, tensorBytes(entry.type, entry.shape));
  const values = dequantize(entry.type, bytes);
  const ordered = entry.rowOrder === "interleaved" ? halfRotation(values, entry.shape, model.spec.headSize) : values;
  return addsOne(model, entry) ? ordered.map((value) => value - 1) : ordered;
}

/** A Gemma GGUF stores norms with the 1 added that Hugging Face's models add themselves. */
function addsOne({ spec }: ModelPackage, { name }: WeightEntry): boolean {
  return spec.architecture === "gemma3" && spec.normOffset === 0 && name.endsWith("norm.weight");
}

/** Stored row (head, i, j) of (H, D/2, 2) becomes row (head, j, i) of (H, 2, D/2). */
function halfRotation(values: Float32Array, shape: readonly number[], headSize: number): Float32Array {
  const [rows = 0] = shape;
  const columns = elementCount(shape) / rows;
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headSize;
    const target = row - within + (within % 2) * (headSize / 2) + Math.floor(within / 2);
    result.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return result;
}
