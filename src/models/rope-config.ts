// The rotary embedding of a config.json, in both forms in the wild: `rope_parameters`, and `rope_theta` beside `rope_scaling`.

import type { RopeSpec } from "../native/types.js";
import type { ConfigReader } from "./config-reader.js";
import { dynamicRope, linearRope, llama3Rope, plainRope, yarnRope } from "./rope.js";

export interface RopeDefaults {
  readonly headSize: number;
  readonly maxPositions: number;
  /** Base where the configuration names none. */
  readonly theta: number;
}

/** The one rope of a model whose layers all rotate alike. */
export function readRope(config: ConfigReader, defaults: RopeDefaults): RopeSpec {
  config.only("partial_rotary_factor", [1], "is not supported: only whole heads can be rotated");
  const parameters = config.object("rope_parameters") ?? config.object("rope_scaling");
  // rope_theta may stand inside the new form or beside the old one.
  const theta = parameters?.has("rope_theta")
    ? parameters.positive("rope_theta")
    : config.positive("rope_theta", defaults.theta);
  if (parameters === null) return plainRope(theta, defaults.headSize);
  return scaledRope(config, parameters, theta, defaults);
}

/** The rope described by one object of scaling parameters. */
export function scaledRope(
  config: ConfigReader,
  parameters: ConfigReader,
  theta: number,
  { headSize, maxPositions }: RopeDefaults,
): RopeSpec {
  parameters.only("partial_rotary_factor", [1], "is not supported: only whole heads can be rotated");
  const kind = parameters.text(parameters.has("rope_type") ? "rope_type" : "type", "default");
  const original = (): number =>
    parameters.has("original_max_position_embeddings")
      ? parameters.size("original_max_position_embeddings")
      : config.size("original_max_position_embeddings", maxPositions);
  switch (kind) {
    case "default":
      return plainRope(theta, headSize);
    case "linear":
      return linearRope(theta, headSize, parameters.positive("factor"));
    case "dynamic":
      // transformers measures against max_position_embeddings, whatever original_max_position_embeddings says.
      return dynamicRope(theta, headSize, parameters.positive("factor"), maxPositions);
    case "llama3":
      return llama3Rope(theta, headSize, {
        factor: parameters.positive("factor"),
        lowFrequencyFactor: parameters.positive("low_freq_factor"),
        highFrequencyFactor: parameters.positive("high_freq_factor"),
        originalMaxPositions: original(),
      });
    case "yarn": {
      const originalMaxPositions = original();
      return yarnRope(theta, headSize, {
        factor: parameters.positive("factor", maxPositions / originalMaxPositions),
        originalMaxPositions,
        betaFast: parameters.positive("beta_fast", 32),
        betaSlow: parameters.positive("beta_slow", 1),
        truncate: parameters.flag("truncate", true),
        attentionFactor: parameters.has("attention_factor") ? parameters.positive("attention_factor") : null,
        mscale: parameters.has("mscale") ? parameters.number("mscale") : null,
        mscaleAllDim: parameters.has("mscale_all_dim") ? parameters.number("mscale_all_dim") : null,
      });
    }
    default:
      parameters.fault("rope_type", `"${kind}" is not supported; known are default, linear, dynamic, llama3 and yarn`);
      return plainRope(theta, headSize);
  }
}
