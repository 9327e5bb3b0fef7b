// A model's weights with an adapter folded in: W + scale · B·A, tensor by tensor, in double precision and rounded once.

import { InputError } from "../base/error.js";
import { linearName, linearShape } from "../models/expected-tensors.js";
import type { ModelPackage } from "../models/package.js";
import { readStoredTensor } from "../models/stored-tensors.js";
import type { AdapterTensor, ModelSpec } from "../native/types.js";
import { expectFitting, type StoredAdapter } from "./adapter-folder.js";
import { type AdapterSettings, adapterScale } from "./adapter-settings.js";

/** Reads a tensor of the model; `name` is Hugging Face's. */
export type TensorSource = (name: string) => Promise<Float32Array>;

/** `adapter` null: the model's own weights. An adapter that doesn't fit the model is an error before anything is read. */
export function mergedWeights(model: ModelPackage, adapter: StoredAdapter | null): TensorSource {
  if (adapter !== null) expectAdapterFits(model, adapter);
  const entries = new Map(model.weights.map((entry) => [entry.name, entry]));
  return async (name) => {
    const entry = entries.get(name);
    if (entry === undefined)
      throw new InputError("tensor_missing", `Expected a tensor ${name} in ${model.path}, but there is none.`);
    const weights = await readStoredTensor(model, entry);
    if (adapter !== null && name.endsWith(".weight")) addUpdate(weights, adapter, name.slice(0, -".weight".length));
    return weights;
  };
}

/** In place: (out, in) += scale · (out, R) · (R, in). */
function addUpdate(weights: Float32Array, { tensors, settings }: StoredAdapter, module: string): void {
  const a = tensors.get(`${module}.lora_A`);
  const b = tensors.get(`${module}.lora_B`);
  if (a === undefined || b === undefined) return;
  const scale = adapterScale(settings);
  const [rank = 0, columns = 0] = a.shape;
  const [rows = 0] = b.shape;
  const update = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    update.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * (b.values[row * rank + r] ?? 0);
      const offset = r * columns;
      for (let column = 0; column < columns; column++)
        update[column] = (update[column] ?? 0) + factor * (a.values[offset + column] ?? 0);
    }
    const start = row * columns;
    for (let column = 0; column < columns; column++)
      weights[start + column] = (weights[start + column] ?? 0) + (update[column] ?? 0);
  }
}

/** Names and shapes of an adapter that belongs to another model are an error. */
export function expectAdapterFits({ spec, name }: ModelPackage, adapter: StoredAdapter): void {
  expectFitting(adapter, adapterTensors(spec, adapter.settings), name);
}

/** The matrices that an adapter of these settings has on the model. */
function adapterTensors(spec: ModelSpec, { rank, targets }: AdapterSettings): AdapterTensor[] {
  return spec.layers.flatMap((_, layer) =>
    targets.flatMap((target) => {
      const [rows, columns] = linearShape(spec, target);
      const module = linearName(layer, target);
      return [
        { name: `${module}.lora_A`, rows: rank, columns },
        { name: `${module}.lora_B`, rows, columns: rank },
      ];
    }),
  );
}
