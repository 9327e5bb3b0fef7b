// A safetensors tensor as the engine's table of weights has it.

import { InputError } from "../base/error.js";
import type { ShardedTensor } from "../formats/safetensors-index.js";
import type { TensorType, WeightEntry } from "../native/types.js";

const ENGINE_TYPES: Readonly<Record<string, TensorType>> = { F32: "f32", BF16: "bf16", F16: "f16" };

/** `path` is the model's folder, for messages. */
export function weightEntry(path: string, tensor: ShardedTensor): WeightEntry {
  const type = ENGINE_TYPES[tensor.type];
  if (type === undefined) {
    throw new InputError(
      "tensor_type",
      `${path}: tensor ${tensor.name} is stored as ${tensor.type}, which can't be run; expected F32, BF16 or F16.`,
    );
  }
  return {
    name: tensor.name,
    type,
    shape: tensor.shape,
    file: tensor.file,
    offset: tensor.offset,
    rowOrder: "natural",
  };
}
