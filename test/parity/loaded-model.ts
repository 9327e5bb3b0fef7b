// A model loaded straight into the addon, and which backends a test run covers.
// SDFT_TEST_BACKEND=reference runs everything on the reference backend alone (slow: `npm run test:reference`).

import { fnv1a64 } from "../../src/base/hash.js";
import { philox, philoxKey, uniform } from "../../src/base/philox.js";
import type { FloatTensor } from "../../src/formats/safetensors.js";
import { openModel } from "../../src/models/resolve.js";
import { loadAddon } from "../../src/native/addon.js";
import type {
  BackendName,
  GenerateOptions,
  LoraTarget,
  NativeAdapter,
  NativeModel,
  RealArray,
  TrainBatch,
  WeightFormat,
} from "../../src/native/types.js";

const chosen = process.env.SDFT_TEST_BACKEND;

/** The backend that runs the long tests. */
export const mainBackend: BackendName = chosen === "reference" ? "reference" : "cpu";

/** The backends that run the short tests. */
export const allBackends: readonly BackendName[] = chosen === "reference" ? ["reference"] : ["cpu", "reference"];

export const allTargets: readonly LoraTarget[] = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
];

/** Loads a folder or GGUF file; dispose of the model or hold it with `using`. */
export async function load(
  path: string,
  backend: BackendName,
  threads = 2,
  weightFormat: WeightFormat = "native",
): Promise<NativeModel> {
  const { spec, files, weights } = await openModel(path);
  return loadAddon().loadModel({ spec, files, weights, backend, threads, weightFormat });
}

/** `model.layers.0.self_attn.q_proj.lora_A` as peft names it, after a prefix such as `init.`. */
export function peftName(name: string, prefix: string): string {
  return `${prefix}base_model.model.${name}.weight`;
}

/** Fills every tensor of an adapter from reference values; a missing one is an error. */
export function fillAdapter(adapter: NativeAdapter, values: ReadonlyMap<string, FloatTensor>, prefix: string): void {
  for (const { name } of adapter.tensors()) adapter.set(name, tensorOf(values, peftName(name, prefix)));
}

export function tensorOf(values: ReadonlyMap<string, FloatTensor>, name: string): Float32Array {
  const tensor = values.get(name);
  if (tensor === undefined) throw new Error(`the reference has no tensor ${name}`);
  return tensor.values;
}

/** Reproducible numbers: uniform in [-1, 1). */
export function randomNumbers(count: number, name: string): Float64Array {
  const key = philoxKey(0, fnv1a64(name));
  return Float64Array.from({ length: count }, (_, i) => 2 * uniform(philox([0, 0, i, 0], key)[0]) - 1);
}

/** Reproducible token ids in [3, vocabSize). */
export function randomTokens(count: number, seed: number, vocabSize: number): Int32Array {
  return Int32Array.from(
    randomNumbers(count, `tokens ${seed}`),
    (x) => 3 + Math.floor(((x + 1) / 2) * (vocabSize - 3)),
  );
}

/** Fills the tensors whose name ends in `ending` with reproducible numbers in [-size, size). */
export function fillRandomly(adapter: NativeAdapter, size: number, ending = ""): void {
  for (const { name, rows, columns } of adapter.tensors()) {
    if (name.endsWith(ending))
      adapter.set(
        name,
        randomNumbers(rows * columns, name).map((x) => size * x),
      );
  }
}

/** The loss of these micro-batches together, and every gradient of the adapter. */
export async function gradientsOf(
  model: NativeModel,
  adapter: NativeAdapter,
  batches: readonly TrainBatch[],
  trainer: { readonly storedRows?: number; readonly dropout?: number } = {},
): Promise<{ loss: number; gradients: Map<string, RealArray> }> {
  const { storedRows = 4096, dropout = 0 } = trainer;
  using native = model.createTrainer({ adapter, dropout, seed: 0, storedRows });
  let loss = 0;
  for (const batch of batches) loss += (await native.accumulate(batch)).loss;
  return { loss, gradients: new Map(adapter.tensors().map(({ name }) => [name, native.gradient(name)])) };
}

/** Greedy, nothing stops an answer but its limit. */
export const sampling: GenerateOptions = {
  adapter: null,
  compute: "f32",
  seed: 1,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  endTokens: new Int32Array(),
  stopStrings: [],
  maxSequences: 8,
  rowsPerStep: 256,
};
