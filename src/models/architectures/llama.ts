// Llama 2 and 3, SmolLM2 and whatever else calls itself `llama`.

import type { Architecture } from "./architecture.js";
import { flaggedBiases, readDecoder, requireSilu } from "./decoder-config.js";

export const llama: Architecture = {
  readConfig(config) {
    requireSilu(config);
    config.only("pretraining_tp", [1], "is not supported; expected 1");
    return { spec: readDecoder(config, "llama", { headSize: null, tiedHead: false }), biases: flaggedBiases(config) };
  },
};
