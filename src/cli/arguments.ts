// From parsed options to what the stages take. Only given options count; the stages own the defaults.
import { parseByteSize } from "../base/byte-size.js";
import { InputError } from "../base/error.js";
import { checkSampling, type Sampling } from "../engine/sampling.js";
import type { SessionOptions } from "../experiment/session.js";
import type { SamplingChanges } from "../experiment/stage-settings.js";
import { DEFAULT_MODEL } from "../models/aliases.js";
import type { TrainingInput } from "../train/config.js";
import type { Terminal } from "./terminal.js";

interface ModelArgs {
  readonly model?: string | undefined;
  readonly device: "auto" | "cpu" | "reference" | "cuda";
  readonly weights: "native" | "f32" | "bf16" | "q8" | "q4";
  readonly compute: "f32" | "int";
  readonly threads?: number | undefined;
  readonly batchInvariant?: boolean | undefined;
  readonly profile?: boolean | undefined;
  readonly memoryBudget?: string | undefined;
}

export function sessionOptions(args: ModelArgs, terminal: Terminal): SessionOptions {
  const threads = args.threads ?? 0;
  if (!Number.isInteger(threads) || threads < 0)
    throw new InputError("threads", `Expected a whole number of threads but received ${threads}.`);
  return {
    model: args.model ?? DEFAULT_MODEL,
    device: args.device,
    weights: args.weights,
    compute: args.compute,
    threads,
    batchInvariant: args.batchInvariant ?? false,
    memoryBudget: args.memoryBudget === undefined ? null : parseByteSize(args.memoryBudget, "--memory-budget"),
    reporter: terminal,
    profile: args.profile ?? false,
  };
}

export interface SamplingArgs {
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly maxNewTokens?: number | undefined;
  readonly minNewTokens: number;
  readonly ignoreEos: boolean;
  readonly stop?: readonly string[] | undefined;
}

/** The part that experiment files know too. */
export function samplingChanges(args: SamplingArgs): SamplingChanges {
  return {
    temperature: args.temperature,
    top_k: args.topK,
    top_p: args.topP,
    min_p: args.minP,
    repetition_penalty: args.repetitionPenalty,
    max_new_tokens: args.maxNewTokens,
  };
}

/** The rest of the sampling options, put on top, and all of them checked under the command line's names. */
export function withSamplingArgs(sampling: Sampling, args: SamplingArgs): Sampling {
  const whole: Sampling = {
    ...sampling,
    minNewTokens: args.minNewTokens,
    endTokens: args.ignoreEos ? "ignore" : "stop",
    stop: args.stop ?? sampling.stop,
  };
  checkSampling(whole, (key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  return whole;
}

export interface TrainingArgs {
  readonly learningRate?: number | undefined;
  readonly numTrainEpochs?: number | undefined;
  readonly maxSteps?: number | undefined;
  readonly perDeviceTrainBatchSize?: number | undefined;
  readonly gradientAccumulationSteps?: number | undefined;
  readonly lrSchedulerType?: string | undefined;
  readonly warmupSteps?: number | undefined;
  readonly warmupRatio?: number | undefined;
  readonly maxGradNorm?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly loraR?: number | undefined;
  readonly loraAlpha?: number | undefined;
  readonly loraDropout?: number | undefined;
  readonly loraTarget?: string | undefined;
  readonly useRslora?: boolean | undefined;
  readonly longExamples?: "error" | "drop" | "cut" | undefined;
  readonly cutoffLen?: number | undefined;
  readonly microBatchTokens?: number | undefined;
  readonly activations?: "store" | "recompute" | undefined;
  readonly saveSteps?: number | undefined;
  readonly shuffle: boolean;
}

/** Still to be checked by parseTrainingConfig. */
export function trainingInput(args: TrainingArgs): Partial<Record<keyof TrainingInput, unknown>> {
  const all = {
    learning_rate: args.learningRate,
    num_train_epochs: args.numTrainEpochs,
    max_steps: args.maxSteps,
    per_device_train_batch_size: args.perDeviceTrainBatchSize,
    gradient_accumulation_steps: args.gradientAccumulationSteps,
    lr_scheduler_type: args.lrSchedulerType,
    warmup_steps: args.warmupSteps,
    warmup_ratio: args.warmupRatio,
    max_grad_norm: args.maxGradNorm,
    weight_decay: args.weightDecay,
    lora_r: args.loraR,
    lora_alpha: args.loraAlpha,
    lora_dropout: args.loraDropout,
    lora_target: args.loraTarget,
    use_rslora: args.useRslora,
    long_examples: args.longExamples,
    cutoff_len: args.cutoffLen,
    micro_batch_tokens: args.microBatchTokens,
    activations: args.activations,
    save_steps: args.saveSteps,
    shuffle: args.shuffle,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** An option that this command can't do without. */
export function requireOption(value: string | undefined, option: string, what: string): string {
  if (value !== undefined) return value;
  throw new InputError("usage", `Expected --${option} (${what}).`);
}

export function checkMaxSamples(value: number | undefined): number | null {
  if (value === undefined) return null;
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InputError("max_samples", `Expected --max-samples to be a whole number from 1 on but received ${value}.`);
}
