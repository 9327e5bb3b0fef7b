// Gemma 3 (text): norms around both blocks stored as weight − 1, scaled embeddings, and two ropes: one for sliding layers, one for full ones.

import type { RopeSpec } from "../../native/types.js";
import type { ConfigReader } from "../config-reader.js";
import { plainRope } from "../rope.js";
import { type RopeDefaults, readRope, scaledRope } from "../rope-config.js";
import type { Architecture } from "./architecture.js";
import { flaggedBiases, readDecoder, readLayerTypes } from "./decoder-config.js";

/** Index into ropes of full and of sliding layers. */
const FULL = 0;
const SLIDING = 1;

export const gemma3: Architecture = {
  readConfig(config) {
    config.only("hidden_activation", ["gelu_pytorch_tanh"], "is not supported; expected gelu_pytorch_tanh");
    config.only("use_bidirectional_attention", [false], "is not supported");
    const spec = readDecoder(config, "gemma3", { headSize: 256, tiedHead: true });
    const slidingWindow = config.size("sliding_window", 4096);
    return {
      spec: {
        ...spec,
        normOffset: 1,
        activation: "gelu_tanh",
        embeddingScale: Math.sqrt(spec.width),
        attentionScale: config.positive("query_pre_attn_scalar", 256) ** -0.5,
        queryKeyNorm: true,
        sandwichNorms: true,
        ropes: readRopes(config, { headSize: spec.headSize, maxPositions: spec.maxPositions, theta: 1_000_000 }),
        layers: slidingLayers(config, spec.layers.length).map((slides) =>
          slides ? { slidingWindow, rope: SLIDING } : { slidingWindow: 0, rope: FULL },
        ),
      },
      biases: flaggedBiases(config),
    };
  },
};

/** layer_types, else every sixth layer (sliding_window_pattern) is full. */
function slidingLayers(config: ConfigReader, layers: number): boolean[] {
  const types = readLayerTypes(config, layers);
  const pattern = config.size(
    config.has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern",
    6,
  );
  return Array.from({ length: layers }, (_, i) =>
    types === null ? (i + 1) % pattern !== 0 : types[i] === "sliding_attention",
  );
}

/** New form: rope_parameters by layer type. Old form: rope_theta with rope_scaling for full layers, rope_local_base_freq for sliding ones. */
function readRopes(config: ConfigReader, defaults: RopeDefaults): RopeSpec[] {
  const byType = config.object("rope_parameters");
  const full = byType?.object("full_attention");
  const sliding = byType?.object("sliding_attention");
  if (full && sliding) {
    return [
      scaledRope(config, full, full.positive("rope_theta", 1_000_000), defaults),
      scaledRope(config, sliding, sliding.positive("rope_theta", 10_000), defaults),
    ];
  }
  return [readRope(config, defaults), plainRope(config.positive("rope_local_base_freq", 10_000), defaults.headSize)];
}
