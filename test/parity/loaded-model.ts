// A model loaded straight into the addon, and which backends a test run covers.
// SDFT_TEST_BACKEND=reference runs everything on the reference backend alone (slow: `npm run test:reference`).

import type { FloatTensor } from "../../src/formats/safetensors.js";
import { openModel } from "../../src/models/resolve.js";
import { loadAddon } from "../../src/native/addon.js";
import type { BackendName, LoraTarget, NativeAdapter, NativeModel } from "../../src/native/types.js";

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
export async function load(path: string, backend: BackendName, threads = 2): Promise<NativeModel> {
  const { spec, files, weights } = await openModel(path);
  return loadAddon().loadModel({ spec, files, weights, backend, threads, weightFormat: "native" });
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
