// What one model family adds: how its config.json becomes a ModelSpec, and which linear layers must have a bias.

import type { LoraTarget, ModelSpec } from "../../native/types.js";
import type { ConfigReader } from "../config-reader.js";

export interface ModelDescription {
  readonly spec: ModelSpec;
  /** Linear layers that must have a bias; any other may not have one. */
  readonly biases: readonly LoraTarget[];
}

export interface Architecture {
  /** Reads a configuration; notes faults in the reader rather than throwing. */
  readConfig(config: ConfigReader): ModelDescription;
}
