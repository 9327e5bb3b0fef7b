// config.json for a model that came as a GGUF. What is written is read back and compared with what the GGUF says, so that nothing is lost in silence.

import { InputError } from "../base/error.js";
import type { GgufFile } from "../formats/gguf.js";
import type { ModelSpec, RopeSpec } from "../native/types.js";
import { parseModelConfig } from "./config.js";
import { llama3Rope } from "./rope.js";

/** The configuration as transformers reads it. `hasBias` says whether queries, keys and values have one. */
export function configFromGguf(file: GgufFile, spec: ModelSpec, hasBias: boolean): Record<string, unknown> {
  const config = { ...commonKeys(spec), ...familyKeys(file, spec, hasBias), ...tokenIds(file) };
  const { spec: read } = parseModelConfig("the exported config.json", config);
  const differing = differences(withoutName(spec), withoutName(read));
  if (differing.length === 0) return config;
  throw new InputError(
    "export_config",
    `The configuration of ${file.path} can't be written as a config.json (${differing.join(", ")} would differ); export from the model's Hugging Face folder instead.`,
  );
}

function commonKeys(spec: ModelSpec): Record<string, unknown> {
  return {
    vocab_size: spec.vocabSize,
    hidden_size: spec.width,
    intermediate_size: spec.innerWidth,
    num_hidden_layers: spec.layers.length,
    num_attention_heads: spec.queryHeads,
    num_key_value_heads: spec.kvHeads,
    head_dim: spec.headSize,
    max_position_embeddings: spec.maxPositions,
    rms_norm_eps: spec.normEpsilon,
    tie_word_embeddings: spec.tiedHead,
    attention_dropout: 0,
    initializer_range: 0.02,
    use_cache: true,
  };
}

function familyKeys(file: GgufFile, spec: ModelSpec, hasBias: boolean): Record<string, unknown> {
  const windows = spec.layers.map(({ slidingWindow }) => slidingWindow);
  const window = Math.max(...windows);
  const types = windows.map((size) => (size > 0 ? "sliding_attention" : "full_attention"));
  const scaling = ropeScaling(file, spec);
  const theta = {
    rope_theta: ropeBase(file, "rope.freq_base") ?? (spec.architecture === "gemma3" ? 1e6 : 1e4),
    ...scaling,
  };
  switch (spec.architecture) {
    case "gemma3":
      return {
        architectures: ["Gemma3ForCausalLM"],
        model_type: "gemma3_text",
        hidden_activation: "gelu_pytorch_tanh",
        query_pre_attn_scalar: Math.round(spec.attentionScale ** -2),
        sliding_window: window,
        layer_types: types,
        rope_local_base_freq: ropeBase(file, "rope.freq_base_swa") ?? 1e4,
        ...theta,
      };
    case "qwen2":
    case "qwen3": {
      const family = spec.architecture === "qwen2" ? "Qwen2" : "Qwen3";
      const sliding = window > 0 ? { use_sliding_window: true, sliding_window: window, layer_types: types } : {};
      const silu = { hidden_act: "silu", use_sliding_window: false };
      return { architectures: [`${family}ForCausalLM`], model_type: spec.architecture, ...silu, ...sliding, ...theta };
    }
    default:
      // Mistral models come as llama.
      return window > 0
        ? {
            architectures: ["MistralForCausalLM"],
            model_type: "mistral",
            hidden_act: "silu",
            sliding_window: window,
            ...theta,
          }
        : {
            architectures: ["LlamaForCausalLM"],
            model_type: "llama",
            hidden_act: "silu",
            attention_bias: hasBias,
            ...theta,
          };
  }
}

function metadata(file: GgufFile, key: string): unknown {
  return file.metadata.get(`${file.metadata.get("general.architecture")}.${key}`);
}

function ropeBase(file: GgufFile, key: string): number | null {
  const value = metadata(file, key);
  return typeof value === "number" ? value : null;
}

function ropeScaling(file: GgufFile, spec: ModelSpec): { readonly rope_scaling?: Record<string, unknown> } {
  const kind = metadata(file, "rope.scaling.type");
  const factor = metadata(file, "rope.scaling.factor");
  const original = metadata(file, "rope.scaling.original_context_length");
  if (kind === "linear") return { rope_scaling: { rope_type: "linear", factor } };
  if (kind === "yarn") {
    const [fast, slow] = ["fast", "slow"].map((end) => metadata(file, `rope.scaling.yarn_beta_${end}`));
    const betas = {
      ...(fast === undefined ? {} : { beta_fast: fast }),
      ...(slow === undefined ? {} : { beta_slow: slow }),
    };
    return { rope_scaling: { rope_type: "yarn", factor, original_max_position_embeddings: original, ...betas } };
  }
  const divided = file.tensors.some(({ name }) => name === "rope_freqs.weight");
  return divided ? { rope_scaling: llama3Scaling(file, spec) } : {};
}

/** A GGUF keeps Llama 3's divisors and not what they came from: the numbers are found that give the same frequencies. */
function llama3Scaling(file: GgufFile, spec: ModelSpec): Record<string, unknown> {
  const theta = ropeBase(file, "rope.freq_base") ?? 1e4;
  const [rope] = spec.ropes;
  const plain = (index: number): number => theta ** ((-2 * index) / spec.headSize);
  const divisors = [...(rope?.inverseFrequencies ?? [])].map((value, index) => plain(index) / value);
  const largest = Math.max(...divisors);
  // Divisors are stored as floats.
  const factor = Math.abs(largest - Math.round(largest)) < 1e-4 ? Math.round(largest) : largest;
  for (let original = 32; original <= 2 ** 20; original *= 2) {
    const scaling = { factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: original };
    if (rope !== undefined && sameRope(rope, llama3Rope(theta, spec.headSize, scaling)))
      return {
        rope_type: "llama3",
        ...{ factor, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: original },
      };
  }
  throw new InputError(
    "export_config",
    `The frequencies in rope_freqs.weight of ${file.path} are none that a config.json can say; export from the model's Hugging Face folder instead.`,
  );
}

function sameRope(a: RopeSpec, b: RopeSpec): boolean {
  return differences(a, b).length === 0;
}

function tokenIds(file: GgufFile): Record<string, unknown> {
  const ids = ["bos", "eos", "padding"].map((name) => file.metadata.get(`tokenizer.ggml.${name}_token_id`));
  const [bos, eos, pad] = ids.map((id) => (typeof id === "number" ? id : null));
  return { bos_token_id: bos, eos_token_id: eos, pad_token_id: pad };
}

/** Mistral comes as llama, and a GGUF's norms have their offset added already. */
function withoutName(spec: ModelSpec): Record<string, unknown> {
  const { architecture: _, normOffset: __, ...rest } = spec;
  return rest;
}

/** Keys whose values differ: numbers by more than single precision tells, others at all. */
function differences(a: unknown, b: unknown, place = ""): string[] {
  if (typeof a === "number" && typeof b === "number")
    return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)) ? [] : [place];
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b ? [] : [place];
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    differences(left.get(key), right.get(key), place === "" ? key : place),
  );
}
