// The keys of config.json that every decoder family shares.

import type { LoraTarget, ModelSpec } from "../../native/types.js";
import type { ConfigReader } from "../config-reader.js";
import { readRope } from "../rope-config.js";

/** Values that differ between families where the configuration is silent (transformers' defaults). */
export interface FamilyDefaults {
  /** Null: width / query heads. */
  readonly headSize: number | null;
  readonly tiedHead: boolean;
}

/** A spec with the Llama family's choices: SiLU, plain norms, one rope, full attention in every layer. */
export function readDecoder(config: ConfigReader, architecture: string, defaults: FamilyDefaults): ModelSpec {
  const width = config.size("hidden_size");
  const queryHeads = config.size("num_attention_heads");
  const kvHeads = config.size("num_key_value_heads", queryHeads);
  if (queryHeads % kvHeads !== 0)
    config.fault("num_key_value_heads", `${kvHeads} does not divide num_attention_heads ${queryHeads}`);
  const headSize = config.size("head_dim", defaults.headSize ?? width / queryHeads);
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) config.fault("head_dim", `${headSize} is not an even integer`);
  const maxPositions = config.size("max_position_embeddings");
  const layers = config.size("num_hidden_layers");
  const ropes = architecture === "gemma3" ? [] : [readRope(config, { headSize, maxPositions, theta: 10000 })];
  // Dynamic scaling is there to go past max_position_embeddings: up to its factor.
  const stretch = Math.max(1, ...ropes.map((rope) => rope.dynamic?.factor ?? 1));
  config.only("attn_logit_softcapping", [], "is not supported: attention logits can't be capped");
  config.only("final_logit_softcapping", [], "is not supported: logits can't be capped");
  return {
    architecture,
    vocabSize: config.size("vocab_size"),
    width,
    queryHeads,
    kvHeads,
    headSize,
    innerWidth: config.size("intermediate_size"),
    maxPositions: Math.floor(maxPositions * stretch),
    normEpsilon: config.positive("rms_norm_eps", 1e-6),
    normOffset: 0,
    activation: "silu",
    embeddingScale: 1,
    attentionScale: 1 / Math.sqrt(headSize),
    queryKeyNorm: false,
    sandwichNorms: false,
    tiedHead: config.flag("tie_word_embeddings", defaults.tiedHead),
    ropes,
    layers: Array.from({ length: layers }, () => ({ slidingWindow: 0, rope: 0 })),
  };
}

/** `hidden_act` must be SiLU. */
export function requireSilu(config: ConfigReader): void {
  config.only("hidden_act", ["silu", "swish"], "is not supported; expected silu");
}

/** Biases that the flags attention_bias and mlp_bias ask for. */
export function flaggedBiases(config: ConfigReader): LoraTarget[] {
  return [
    ...(config.flag("attention_bias", false) ? (["q_proj", "k_proj", "v_proj", "o_proj"] as const) : []),
    ...(config.flag("mlp_bias", false) ? (["gate_proj", "up_proj", "down_proj"] as const) : []),
  ];
}

/**
 * Which layers slide in Qwen2 and Qwen3: `layer_types` where given, else the layers from max_window_layers on when use_sliding_window is set.
 */
export function qwenWindows(config: ConfigReader, layers: number): number[] {
  const window =
    config.flag("use_sliding_window", false) && config.has("sliding_window") ? config.size("sliding_window") : 0;
  const types = readLayerTypes(config, layers);
  const firstSliding = config.number("max_window_layers", 28);
  return Array.from({ length: layers }, (_, i) => {
    const slides = types === null ? i >= firstSliding : types[i] === "sliding_attention";
    if (slides && types !== null && window === 0)
      config.fault("layer_types", `layer ${i} slides but no sliding_window is in use`);
    return slides ? window : 0;
  });
}

/** `layer_types`, one of full_attention and sliding_attention for each layer, or null. */
export function readLayerTypes(config: ConfigReader, layers: number): string[] | null {
  const types = config.texts("layer_types");
  if (types === null) return null;
  if (types.length !== layers) config.fault("layer_types", `has ${types.length} entries for ${layers} layers`);
  const unknown = types.find((type) => type !== "full_attention" && type !== "sliding_attention");
  if (unknown !== undefined)
    config.fault("layer_types", `"${unknown}" is not supported; known are full_attention and sliding_attention`);
  return types;
}
