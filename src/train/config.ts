// The training options under Hugging Face's names, with their defaults (PROTOCOL §4); the command line and experiment files share them.
import { z } from "zod";
import { oneOf, parseConfig, realNumber, wholeNumber } from "../base/parse-config.js";
import { type AdapterSettings, loraTargets } from "../engine/adapter-settings.js";
import type { LoraTarget, ModelSpec } from "../native/types.js";
import type { BatchPlan } from "./batches.js";
import { defaultMicroBatchTokens, keptRows } from "./micro-batches.js";
import { scheduleTypes } from "./schedule.js";

/** `q_proj,v_proj`, a list, or `all`. */
const targets = z
  .union([z.string(), z.array(z.string())], { error: "expected names of linear layers" })
  .transform((value) => (typeof value === "string" ? value.split(",").map((name) => name.trim()) : value))
  .transform((names) =>
    names.length === 1 && (names[0] === "all" || names[0] === "all-linear") ? [...loraTargets] : names,
  )
  .pipe(
    z
      .array(z.enum(loraTargets, { error: `expected names out of ${loraTargets.join(", ")}, or all` }))
      .min(1, { error: "expected at least one name" }),
  );

export const trainingSchema = z.strictObject({
  learning_rate: realNumber(0).default(1e-4),
  /** Left out: what the task was made for, or else 2. */
  num_train_epochs: z
    .number({ error: "expected a number over 0" })
    .positive({ error: "expected a number over 0" })
    .optional(),
  /** Wins over epochs; −1 or 0: by epochs. */
  max_steps: wholeNumber(-1).default(-1),
  per_device_train_batch_size: wholeNumber(1).default(2),
  gradient_accumulation_steps: wholeNumber(1).default(4),
  /** Most rows of a micro-batch, a common prefix counted once; left out: from the shape of model and adapter. */
  micro_batch_tokens: wholeNumber(1).optional(),
  /** What is kept of each layer for its gradients: all they need, or its input alone, at the price of running it again. The same bits. */
  activations: oneOf(["store", "recompute"]).default("store"),
  lr_scheduler_type: oneOf(scheduleTypes).default("cosine"),
  warmup_steps: wholeNumber(0).default(0),
  warmup_ratio: realNumber(0, 1).default(0),
  max_grad_norm: realNumber(0).default(1),
  weight_decay: realNumber(0).default(0),
  adam_beta1: realNumber(0, 1).default(0.9),
  adam_beta2: realNumber(0, 1).default(0.999),
  adam_epsilon: realNumber(0).default(1e-8),
  /** Left out: the adapter that training starts from, or else the preset, decides. */
  lora_r: wholeNumber(1, 256).optional(),
  lora_alpha: realNumber(0).optional(),
  lora_dropout: realNumber(0, 0.99).optional(),
  lora_target: targets.optional(),
  use_rslora: z.boolean({ error: "expected true or false" }).optional(),
  /** Tokens of an example; longer ones are refused or reported, never cut silently. */
  cutoff_len: wholeNumber(2).optional(),
  /** What becomes of examples that are too long or have nothing to train. */
  long_examples: oneOf(["error", "drop", "cut"]).default("error"),
  shuffle: z.boolean({ error: "expected true or false" }).default(true),
  /** A checkpoint after every so many updates; 0: only when interrupted. */
  save_steps: wholeNumber(0).default(0),
});

export type TrainingConfig = z.output<typeof trainingSchema>;
export type TrainingInput = z.input<typeof trainingSchema>;

export function parseTrainingConfig(value: unknown, source: string): TrainingConfig {
  return parseConfig(trainingSchema, value, source);
}

/** What decides where the configuration says nothing. */
export interface AdapterDefaults {
  readonly loraRank: number;
  readonly loraAlpha: number;
  readonly loraDropout: number;
}

const defaultTargets: readonly LoraTarget[] = ["q_proj", "v_proj"];

/** The shape of a fresh adapter. */
export function freshAdapterSettings(config: TrainingConfig, defaults: AdapterDefaults): AdapterSettings {
  return {
    rank: config.lora_r ?? defaults.loraRank,
    alpha: config.lora_alpha ?? defaults.loraAlpha,
    dropout: config.lora_dropout ?? defaults.loraDropout,
    targets: config.lora_target ?? defaultTargets,
    scaling: config.use_rslora === true ? "rank-stabilised" : "standard",
  };
}

/** The epochs that the task was made for, where the configuration says nothing. */
export function withTaskEpochs(config: TrainingConfig, epochs: number | undefined): TrainingConfig {
  return config.num_train_epochs !== undefined || epochs === undefined
    ? config
    : { ...config, num_train_epochs: epochs };
}

/** With nothing left to be decided that results depend on. */
export type ResolvedTraining = TrainingConfig & {
  readonly micro_batch_tokens: number;
  /** Rows of which all activations are kept, where memory allows fewer than `activations` asks for. The same bits. */
  readonly stored_rows?: number;
};

/** As a file of settings holds it: what the memory of the day decided is none of them. */
export function writtenTraining(config: TrainingConfig & Partial<ResolvedTraining>) {
  const { stored_rows: _, ...written } = config;
  return written;
}

/** What an adapter depends on: two trainings that agree in it make the same one. */
export function decisiveTraining(config: TrainingConfig & Partial<ResolvedTraining>) {
  const { save_steps: _, activations: __, ...decisive } = writtenTraining(config);
  return decisive;
}

/** Micro-batches as large as the shape of model and adapter allows, where the configuration says nothing. */
export function resolveTraining(config: TrainingConfig, spec: ModelSpec, adapter: AdapterSettings): ResolvedTraining {
  const tokens = config.micro_batch_tokens ?? defaultMicroBatchTokens(spec, adapter, config.activations);
  return { ...config, micro_batch_tokens: tokens };
}

/** Rows of which training keeps all activations (TrainerOptions). */
export function storedRows(config: ResolvedTraining, spec: ModelSpec, adapter: AdapterSettings): number {
  if (config.stored_rows !== undefined) return config.stored_rows;
  return config.activations === "store" ? keptRows(spec, adapter, config.micro_batch_tokens) : 0;
}

export function batchPlan(config: TrainingConfig, seed: number): BatchPlan {
  return {
    batchSize: config.per_device_train_batch_size * config.gradient_accumulation_steps,
    shuffle: config.shuffle ? "seeded" : "none",
    seed,
  };
}

/** Updates in all: `max_steps` where given, else what the epochs come to (a share of an epoch is rounded up). */
export function totalSteps(config: TrainingConfig, stepsPerEpoch: number): number {
  return config.max_steps > 0 ? config.max_steps : Math.ceil((config.num_train_epochs ?? 2) * stepsPerEpoch);
}
