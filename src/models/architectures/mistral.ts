// Mistral: Llama with a sliding window in every layer (none when sliding_window is null, 4096 when the key is absent, as in transformers).

import type { Architecture } from "./architecture.js";
import { readDecoder, requireSilu } from "./decoder-config.js";

export const mistral: Architecture = {
  readConfig(config) {
    requireSilu(config);
    const spec = readDecoder(config, "mistral", { headSize: null, tiedHead: false });
    const slidingWindow = config.values.sliding_window === null ? 0 : config.size("sliding_window", 4096);
    return { spec: { ...spec, layers: spec.layers.map((layer) => ({ ...layer, slidingWindow })) }, biases: [] };
  },
};
