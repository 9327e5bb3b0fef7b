// Fresh LoRA matrices as peft makes them: A kaiming-uniform with a = √5, which is uniform in ±1/√in; B zero.
// Words are keyed by (seed, tensor name), so that a layer starts alike whatever other layers are adapted.
import { fnv1a64 } from "../base/hash.js";
import { philox, philoxKey, purposes, uniform } from "../base/philox.js";
import type { AdapterTensor, NativeAdapter } from "../native/types.js";

/** Sets every matrix of a new adapter. */
export function initializeAdapter(adapter: NativeAdapter, seed: number): void {
  for (const tensor of adapter.tensors()) adapter.set(tensor.name, initialMatrix(tensor, seed));
}

/** (rows, columns), row-major. */
export function initialMatrix(tensor: AdapterTensor, seed: number): Float32Array {
  const values = new Float32Array(tensor.rows * tensor.columns);
  if (tensor.name.endsWith(".lora_B")) return values;
  const bound = 1 / Math.sqrt(tensor.columns);
  const key = philoxKey(seed, fnv1a64(tensor.name));
  for (let block = 0; block * 4 < values.length; ++block) {
    const words = philox([purposes.initialize, 0, 0, block], key);
    for (let i = 0; i < 4 && block * 4 + i < values.length; ++i) {
      values[block * 4 + i] = (2 * uniform(words[i] ?? 0) - 1) * bound;
    }
  }
  return values;
}
