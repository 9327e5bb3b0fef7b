// GGUF's tensor names → Hugging Face's, and which rows a llama GGUF keeps permuted.

import type { GgufTensor } from "../formats/gguf.js";
import type { LoraTarget, WeightEntry } from "../native/types.js";
import { linearName } from "./expected-tensors.js";

/** Families by `general.architecture` (Mistral models come as llama). */
export const GGUF_ARCHITECTURES = ["llama", "qwen2", "qwen3", "gemma3"] as const;
export type GgufArchitecture = (typeof GGUF_ARCHITECTURES)[number];

/** A linear layer has a bias where the first layer's is listed; selectTensors then wants it in all. */
export function presentBiases(entries: readonly WeightEntry[]): LoraTarget[] {
  const names = new Set(entries.map(({ name }) => name));
  return Object.values(LINEAR_NAMES).filter((target) => names.has(`${linearName(0, target)}.bias`));
}

const LINEAR_NAMES: Readonly<Record<string, LoraTarget>> = {
  attn_q: "q_proj",
  attn_k: "k_proj",
  attn_v: "v_proj",
  attn_output: "o_proj",
  ffn_gate: "gate_proj",
  ffn_up: "up_proj",
  ffn_down: "down_proj",
};

const GLOBAL_NAMES: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};

/** A tensor we don't know keeps its own name; selectTensors then names it as unknown. */
export function toWeightEntry(tensor: GgufTensor, architecture: GgufArchitecture): WeightEntry {
  const { name, interleaved } = translate(tensor.name, architecture);
  return {
    name,
    type: tensor.type,
    shape: tensor.shape,
    file: 0,
    offset: tensor.offset,
    rowOrder: interleaved ? "interleaved" : "natural",
  };
}

function translate(name: string, architecture: GgufArchitecture): { name: string; interleaved: boolean } {
  const whole = GLOBAL_NAMES[name];
  if (whole !== undefined) return { name: whole, interleaved: false };
  const match = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name);
  if (match === null) return { name, interleaved: false };
  const [, layer, part = "", kind] = match;
  const target = LINEAR_NAMES[part];
  if (target !== undefined) {
    // Only the llama family is converted with its query and key rows permuted (biases too).
    const interleaved = architecture === "llama" && (target === "q_proj" || target === "k_proj");
    return { name: `${linearName(Number(layer), target)}.${kind}`, interleaved };
  }
  const norm = normName(part, architecture);
  return { name: norm === null ? name : `model.layers.${layer}.${norm}.${kind}`, interleaved: false };
}

function normName(part: string, architecture: GgufArchitecture): string | null {
  switch (part) {
    case "attn_norm":
      return "input_layernorm";
    case "ffn_norm":
      return architecture === "gemma3" ? "pre_feedforward_layernorm" : "post_attention_layernorm";
    case "post_attention_norm":
      return "post_attention_layernorm";
    case "post_ffw_norm":
      return "post_feedforward_layernorm";
    case "attn_q_norm":
      return "self_attn.q_norm";
    case "attn_k_norm":
      return "self_attn.k_norm";
    default:
      return null;
  }
}
