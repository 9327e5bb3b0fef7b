// Qwen2 and Qwen2.5: Llama with biases on queries, keys and values, and optional sliding windows in the upper layers.

import type { Architecture } from "./architecture.js";
import { qwenWindows, readDecoder, requireSilu } from "./decoder-config.js";

export const qwen2: Architecture = {
  readConfig(config) {
    requireSilu(config);
    const spec = readDecoder(config, "qwen2", { headSize: null, tiedHead: false });
    const layers = qwenWindows(config, spec.layers.length).map((slidingWindow) => ({ slidingWindow, rope: 0 }));
    return { spec: { ...spec, layers }, biases: ["q_proj", "k_proj", "v_proj"] };
  },
};
