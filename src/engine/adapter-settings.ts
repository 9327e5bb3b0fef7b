// adapter_config.json, in both directions: what of peft's format this engine runs, and what it must refuse.
import { z } from "zod";
import { InputError } from "../base/error.js";
import { parseConfig, realNumber, wholeNumber } from "../base/parse-config.js";
import { LINEAR_LAYERS } from "../models/expected-tensors.js";
import type { LoraTarget } from "../native/types.js";

/** The layers that an adapter may sit on: every linear layer of the decoder. */
export const loraTargets = LINEAR_LAYERS;

/** A LoRA adapter's shape and scaling, apart from its numbers. */
export interface AdapterSettings {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly targets: readonly LoraTarget[];
  /** `rank-stabilised`: alpha/√r instead of alpha/r. */
  readonly scaling: "standard" | "rank-stabilised";
}

/** What multiplies B·A. */
export function adapterScale(settings: AdapterSettings): number {
  return settings.alpha / (settings.scaling === "rank-stabilised" ? Math.sqrt(settings.rank) : settings.rank);
}

/** peft's adapter_config.json for the adapter. */
export function toPeftConfig(settings: AdapterSettings, baseModel: string): Record<string, unknown> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: settings.alpha,
    lora_dropout: settings.dropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: settings.rank,
    rank_pattern: {},
    revision: null,
    target_modules: [...settings.targets],
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: settings.scaling === "rank-stabilised",
  };
}

const peftConfig = z.looseObject({
  peft_type: z.string({ error: "expected a text" }),
  r: wholeNumber(1, 256),
  lora_alpha: z.number({ error: "expected a number" }),
  lora_dropout: realNumber(0).lt(1, { error: "expected a number from 0 to under 1" }).default(0),
  use_rslora: z.boolean({ error: "expected true or false" }).default(false),
  base_model_name_or_path: z.string({ error: "expected a text" }).nullish(),
});

/** Keys that change the result in ways this engine doesn't run, and the values under which they don't. */
const refused: readonly { readonly key: string; readonly harmless: (value: unknown) => boolean }[] = [
  { key: "rank_pattern", harmless: isEmpty },
  { key: "alpha_pattern", harmless: isEmpty },
  { key: "use_dora", harmless: isEmpty },
  { key: "use_qalora", harmless: isEmpty },
  { key: "lora_bias", harmless: isEmpty },
  { key: "bias", harmless: (value) => isEmpty(value) || value === "none" },
  { key: "modules_to_save", harmless: isEmpty },
  { key: "layers_to_transform", harmless: isEmpty },
  { key: "layer_replication", harmless: isEmpty },
  { key: "trainable_token_indices", harmless: isEmpty },
  { key: "target_parameters", harmless: isEmpty },
  { key: "fan_in_fan_out", harmless: isEmpty },
  { key: "init_lora_weights", harmless: (value) => !/^(pissa|olora|corda|loftq)/i.test(String(value)) },
];

export interface PeftSettings {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly scaling: AdapterSettings["scaling"];
  readonly baseModel: string | null;
}

/** Reads a parsed adapter_config.json; `path` is for messages. The targets come from the tensors themselves. */
export function fromPeftConfig(value: unknown, path: string): PeftSettings {
  if (typeof value !== "object" || value === null || !("peft_type" in value))
    throw new InputError("adapter_config", `${path} does not describe a LoRA adapter: it names no peft_type.`);
  const config = parseConfig(peftConfig, value, path);
  if (config.peft_type !== "LORA") {
    throw new InputError("adapter_config", `Expected peft_type LORA in ${path} but received ${config.peft_type}.`);
  }
  const faults = refused
    .filter(({ key, harmless }) => !harmless(config[key]))
    .map(({ key }) => `${key} = ${JSON.stringify(config[key])}`);
  if (faults.length > 0) {
    throw new InputError(
      "adapter_unsupported",
      `The adapter of ${path} uses what this engine does not run (${faults.join(", ")}); merge it into its base model with peft and load the merged model instead.`,
    );
  }
  return {
    rank: config.r,
    alpha: config.lora_alpha,
    dropout: config.lora_dropout,
    scaling: config.use_rslora ? "rank-stabilised" : "standard",
    baseModel: config.base_model_name_or_path ?? null,
  };
}

/** Null, false, 0, and empty lists, objects and strings. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
