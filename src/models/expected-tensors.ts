// Which tensors a decoder must have and how large; any absent, misshapen or unknown one is named, all in one error.

import { InputError } from "../base/error.js";
import type { LoraTarget, ModelSpec, WeightEntry } from "../native/types.js";
import type { ModelDescription } from "./architectures/architecture.js";

const MAX_LISTED = 8;

/** (out, in) of each linear layer. */
export function linearShape(spec: ModelSpec, target: LoraTarget): readonly [number, number] {
  const query = spec.queryHeads * spec.headSize;
  const kv = spec.kvHeads * spec.headSize;
  switch (target) {
    case "q_proj":
      return [query, spec.width];
    case "k_proj":
    case "v_proj":
      return [kv, spec.width];
    case "o_proj":
      return [spec.width, query];
    case "gate_proj":
    case "up_proj":
      return [spec.innerWidth, spec.width];
    case "down_proj":
      return [spec.width, spec.innerWidth];
  }
}

/** Module name of a linear layer: `model.layers.0.self_attn.q_proj`. */
export function linearName(layer: number, target: LoraTarget): string {
  const block = target === "gate_proj" || target === "up_proj" || target === "down_proj" ? "mlp" : "self_attn";
  return `model.layers.${layer}.${block}.${target}`;
}

/** In the order in which a layer applies them. */
export const LINEAR_LAYERS = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
] as const satisfies readonly LoraTarget[];

/** Name → shape of every tensor the model has. */
export function expectedTensors({ spec, biases }: ModelDescription): Map<string, readonly number[]> {
  const expected = new Map<string, readonly number[]>([["model.embed_tokens.weight", [spec.vocabSize, spec.width]]]);
  for (let layer = 0; layer < spec.layers.length; layer++) {
    for (const norm of layerNorms(spec)) expected.set(`model.layers.${layer}.${norm}.weight`, [spec.width]);
    for (const target of LINEAR_LAYERS) {
      const shape = linearShape(spec, target);
      expected.set(`${linearName(layer, target)}.weight`, shape);
      if (biases.includes(target)) expected.set(`${linearName(layer, target)}.bias`, [shape[0]]);
    }
    if (!spec.queryKeyNorm) continue;
    for (const norm of ["q_norm", "k_norm"])
      expected.set(`model.layers.${layer}.self_attn.${norm}.weight`, [spec.headSize]);
  }
  expected.set("model.norm.weight", [spec.width]);
  if (!spec.tiedHead) expected.set("lm_head.weight", [spec.vocabSize, spec.width]);
  return expected;
}

function layerNorms(spec: ModelSpec): string[] {
  const norms = ["input_layernorm", "post_attention_layernorm"];
  return spec.sandwichNorms ? [...norms, "pre_feedforward_layernorm", "post_feedforward_layernorm"] : norms;
}

/** The entries that the model needs, in its own order; throws one error naming all faults. `where` is the file or folder. */
export function selectTensors(
  where: string,
  description: ModelDescription,
  entries: readonly WeightEntry[],
): WeightEntry[] {
  return selectExpected(where, description.spec.architecture, expectedTensors(description), entries, isSurplus);
}

/** The same for any model's name → shape. Entries that `isSurplus` names are left out in silence. */
export function selectExpected(
  where: string,
  architecture: string,
  expected: ReadonlyMap<string, readonly number[]>,
  entries: readonly WeightEntry[],
  isSurplus: (name: string) => boolean,
): WeightEntry[] {
  const found = new Map(entries.map((entry) => [entry.name, entry]));
  const faults: string[] = [];
  const selected: WeightEntry[] = [];
  for (const [name, shape] of expected) {
    const entry = found.get(name);
    if (entry === undefined) faults.push(`${name} [${shape.join(", ")}] is missing`);
    else if (entry.shape.join() !== shape.join())
      faults.push(`${name} is [${entry.shape.join(", ")}] where [${shape.join(", ")}] is expected`);
    else selected.push(entry);
  }
  for (const { name } of entries) if (!expected.has(name) && !isSurplus(name)) faults.push(`${name} is unknown`);
  if (faults.length === 0) return selected;
  const more = faults.length > MAX_LISTED ? `; and ${faults.length - MAX_LISTED} more` : "";
  throw new InputError(
    "model_tensors",
    `The tensors of ${where} don't fit its ${architecture} configuration: ${faults.slice(0, MAX_LISTED).join("; ")}${more}.`,
  );
}

/** Tensors that other tools leave in the file and that say nothing new: a tied head's copy, frequencies the configuration gives. */
function isSurplus(name: string): boolean {
  return name === "lm_head.weight" || name.endsWith(".rotary_emb.inv_freq");
}
