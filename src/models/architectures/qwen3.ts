// Qwen3: Qwen2 without biases, with a norm over each head of queries and keys, and a head size of its own.

import type { Architecture } from "./architecture.js";
import { flaggedBiases, qwenWindows, readDecoder, requireSilu } from "./decoder-config.js";

export const qwen3: Architecture = {
  readConfig(config) {
    requireSilu(config);
    const spec = readDecoder(config, "qwen3", { headSize: 128, tiedHead: false });
    const layers = qwenWindows(config, spec.layers.length).map((slidingWindow) => ({ slidingWindow, rope: 0 }));
    return { spec: { ...spec, queryKeyNorm: true, layers }, biases: flaggedBiases(config) };
  },
};
