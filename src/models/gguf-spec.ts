// GGUF metadata and tensor names → ModelDescription and WeightEntry list under Hugging Face names.

import { InputError } from "../base/error.js";
import type { GgufFile, GgufTensor } from "../formats/gguf.js";
import { readRange } from "../formats/open-file.js";
import type { LayerSpec, LoraTarget, ModelSpec, RopeSpec, WeightEntry } from "../native/types.js";
import type { ModelDescription } from "./architectures/architecture.js";
import { ConfigReader } from "./config-reader.js";
import { selectTensors } from "./expected-tensors.js";
import { dividedRope, linearRope, plainRope, yarnRope } from "./rope.js";

const ARCHITECTURES = ["llama", "qwen2", "qwen3", "gemma3"] as const;
type GgufArchitecture = (typeof ARCHITECTURES)[number];

export interface GgufModel {
  readonly spec: ModelSpec;
  /** File index 0. */
  readonly weights: readonly WeightEntry[];
}

/** The model a GGUF file holds; any fault of its metadata or tensors is an error. */
export async function readGgufModel(file: GgufFile): Promise<GgufModel> {
  const name = file.metadata.get("general.architecture");
  const architecture = ARCHITECTURES.find((known) => known === name);
  if (architecture === undefined) {
    throw new InputError(
      "model_type",
      `${file.path} has the architecture ${JSON.stringify(name)}, which is not supported; known are ${ARCHITECTURES.join(", ")}.`,
    );
  }
  const splits = file.metadata.get("split.count");
  if (typeof splits === "number" && splits > 1) {
    throw new InputError(
      "gguf_split",
      `${file.path} is one of ${splits} parts; join them into one file first (llama-gguf-split --merge).`,
    );
  }
  const divisors = await readRopeDivisors(file);
  const entries = file.tensors
    .filter((tensor) => tensor.name !== ROPE_DIVISORS)
    .map((tensor) => toEntry(tensor, architecture));
  const description = describeModel(file, architecture, entries, divisors);
  return { spec: description.spec, weights: selectTensors(file.path, description, entries) };
}

/** Llama 3's frequency divisors, (D/2). */
const ROPE_DIVISORS = "rope_freqs.weight";

async function readRopeDivisors(file: GgufFile): Promise<Float32Array | null> {
  const tensor = file.tensors.find(({ name }) => name === ROPE_DIVISORS);
  if (tensor === undefined) return null;
  if (tensor.type !== "f32")
    throw new InputError("tensor_type", `${file.path}: expected ${ROPE_DIVISORS} as F32 but found ${tensor.type}.`);
  const bytes = await readRange("model file", file.path, tensor.offset, tensor.bytes);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

function describeModel(
  file: GgufFile,
  architecture: GgufArchitecture,
  entries: readonly WeightEntry[],
  divisors: Float32Array | null,
): ModelDescription {
  // Keys of the family without its prefix: `llama.block_count` reads as `block_count`.
  const prefix = `${architecture}.`;
  const values = Object.fromEntries(
    [...file.metadata]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
  const config = new ConfigReader(file.path, values);
  config.only("expert_count", [0], "is not supported: mixtures of experts can't be run");
  config.only("attn_logit_softcapping", [0], "is not supported: attention logits can't be capped");
  config.only("final_logit_softcapping", [0], "is not supported: logits can't be capped");
  const gemma = architecture === "gemma3";
  const width = config.size("embedding_length");
  const queryHeads = config.size("attention.head_count");
  const headSize = config.size("attention.key_length", width / queryHeads);
  config.only("attention.value_length", [headSize], `differs from the size of a key, ${headSize}`);
  config.only("rope.dimension_count", [headSize], `is not supported: only whole heads of ${headSize} can be rotated`);
  const layers = config.size("block_count");
  const maxPositions = config.size("context_length");
  const embedding = entries.find(({ name }) => name === "model.embed_tokens.weight");
  const spec: ModelSpec = {
    architecture,
    vocabSize: embedding?.shape[0] ?? config.size("vocab_size"),
    width,
    queryHeads,
    kvHeads: config.size("attention.head_count_kv", queryHeads),
    headSize,
    innerWidth: config.size("feed_forward_length"),
    maxPositions,
    normEpsilon: config.positive("attention.layer_norm_rms_epsilon"),
    normOffset: 0, // GGUF stores Gemma's norms with the 1 added.
    activation: gemma ? "gelu_tanh" : "silu",
    embeddingScale: gemma ? Math.sqrt(width) : 1,
    // Gemma 3's 27B (62 layers) alone scales by the width of a head in the residual stream; GGUF has no key for it.
    attentionScale: gemma && layers === 62 ? 1 / Math.sqrt(width / queryHeads) : 1 / Math.sqrt(headSize),
    queryKeyNorm: gemma || architecture === "qwen3",
    sandwichNorms: gemma,
    tiedHead: !entries.some(({ name }) => name === "lm_head.weight"),
    ropes: gemma
      ? [
          readRope(config, 1_000_000, headSize, null),
          plainRope(config.positive("rope.freq_base_swa", 10_000), headSize),
        ]
      : [readRope(config, 10_000, headSize, divisors)],
    layers: gemma
      ? gemmaLayers(config, layers)
      : Array.from({ length: layers }, () => ({
          slidingWindow: config.has("attention.sliding_window") ? config.size("attention.sliding_window") : 0,
          rope: 0,
        })),
  };
  config.throwFaults("this model's metadata can't be used");
  return { spec, biases: presentBiases(entries) };
}

function gemmaLayers(config: ConfigReader, layers: number): LayerSpec[] {
  const slidingWindow = config.size("attention.sliding_window");
  const pattern = config.size("attention.sliding_window_pattern", 6);
  return Array.from({ length: layers }, (_, i) =>
    (i + 1) % pattern === 0 ? { slidingWindow: 0, rope: 0 } : { slidingWindow, rope: 1 },
  );
}

function readRope(
  config: ConfigReader,
  defaultTheta: number,
  headSize: number,
  divisors: Float32Array | null,
): RopeSpec {
  const theta = config.positive("rope.freq_base", defaultTheta);
  const kind = config.text("rope.scaling.type", "none");
  if (divisors !== null) {
    if (divisors.length !== headSize / 2)
      config.fault(ROPE_DIVISORS, `has ${divisors.length} values where ${headSize / 2} are expected`);
    if (kind !== "none" && kind !== "linear")
      config.fault("rope.scaling.type", `"${kind}" beside ${ROPE_DIVISORS} is not supported`);
    return dividedRope(theta, headSize, divisors);
  }
  switch (kind) {
    case "none":
      return plainRope(theta, headSize);
    case "linear":
      return linearRope(theta, headSize, config.positive("rope.scaling.factor"));
    case "yarn":
      return yarnRope(theta, headSize, {
        factor: config.positive("rope.scaling.factor"),
        originalMaxPositions: config.size("rope.scaling.original_context_length"),
        betaFast: config.positive("rope.scaling.yarn_beta_fast", 32),
        betaSlow: config.positive("rope.scaling.yarn_beta_slow", 1),
        truncate: true,
        attentionFactor: null,
        mscale: null,
        mscaleAllDim: null,
      });
    default:
      config.fault("rope.scaling.type", `"${kind}" is not supported; known are none, linear and yarn`);
      return plainRope(theta, headSize);
  }
}

/** A linear layer has a bias where the first layer's is listed; selectTensors then wants it in all. */
function presentBiases(entries: readonly WeightEntry[]): LoraTarget[] {
  const names = new Set(entries.map(({ name }) => name));
  return Object.values(LINEAR_NAMES).filter((target) => names.has(`model.layers.0.${blockOf(target)}.${target}.bias`));
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

function blockOf(target: LoraTarget): string {
  return target === "gate_proj" || target === "up_proj" || target === "down_proj" ? "mlp" : "self_attn";
}

/** A tensor we don't know keeps its own name; selectTensors then names it as unknown. */
function toEntry(tensor: GgufTensor, architecture: GgufArchitecture): WeightEntry {
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
    return { name: `model.layers.${layer}.${blockOf(target)}.${target}.${kind}`, interleaved };
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
