// GGUF metadata and tensor names → ModelDescription and WeightEntry list under Hugging Face names.

import { InputError } from "../base/error.js";
import type { GgufFile } from "../formats/gguf.js";
import { readRange } from "../formats/open-file.js";
import type { LayerSpec, ModelSpec, RopeSpec, WeightEntry } from "../native/types.js";
import type { ModelDescription } from "./architectures/architecture.js";
import { ConfigReader } from "./config-reader.js";
import { selectTensors } from "./expected-tensors.js";
import { GGUF_ARCHITECTURES, type GgufArchitecture, presentBiases, toWeightEntry } from "./gguf-names.js";
import { dividedRope, linearRope, plainRope, yarnRope } from "./rope.js";

export interface GgufModel {
  readonly spec: ModelSpec;
  /** File index 0. */
  readonly weights: readonly WeightEntry[];
}

/** The model a GGUF file holds; any fault of its metadata or tensors is an error. */
export async function readGgufModel(file: GgufFile): Promise<GgufModel> {
  const name = file.metadata.get("general.architecture");
  const architecture = GGUF_ARCHITECTURES.find((known) => known === name);
  if (architecture === undefined) {
    throw new InputError(
      "model_type",
      `${file.path} has the architecture ${JSON.stringify(name)}, which is not supported; known are ${GGUF_ARCHITECTURES.join(", ")}.`,
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
    .map((tensor) => toWeightEntry(tensor, architecture));
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
