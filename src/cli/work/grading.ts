// How outputs are graded, from the command line's options: sandbox, judge, answers to each prompt.
import { InputError } from "../../base/error.js";
import type { GradingSettings } from "../../eval/grading.js";
import { readJudgeSettings } from "../../eval/judge/settings.js";

export interface GradingArgs {
  readonly allowUnsafeExecution: boolean;
  readonly samplesPerPrompt?: number | undefined;
  readonly judgeEndpoint?: string | undefined;
  readonly judgeModel?: string | undefined;
  readonly judgeKeyEnv?: string | undefined;
  readonly judgeBothOrders: boolean;
  readonly judgePrompt?: string | undefined;
  readonly judgeConcurrency?: number | undefined;
  readonly judgePrice?: string | undefined;
}

export async function gradingSettings(args: GradingArgs): Promise<GradingSettings> {
  const { judgeEndpoint: endpoint, judgeModel: model } = args;
  const { judgeKeyEnv, judgePrompt, judgePrice, judgeConcurrency } = args;
  if (endpoint === undefined) {
    const alone = model ?? judgeKeyEnv ?? judgePrompt ?? judgePrice ?? judgeConcurrency;
    if (alone !== undefined || args.judgeBothOrders)
      throw new InputError("usage", "Expected --judge-endpoint with the other options of the judge.");
    return { allowUnsafeExecution: args.allowUnsafeExecution, judge: null };
  }
  if (model === undefined)
    throw new InputError("usage", "Expected --judge-model (the judge's name at the endpoint) with --judge-endpoint.");
  const judge = await readJudgeSettings({
    endpoint,
    model,
    key_env: judgeKeyEnv,
    both_orders: args.judgeBothOrders,
    prompt: judgePrompt,
    concurrency: wholeOption(judgeConcurrency, "judge-concurrency", 256),
    price: judgePrice,
  });
  return { allowUnsafeExecution: args.allowUnsafeExecution, judge };
}

/** Answers to each prompt. */
export function samplesPerPrompt(args: GradingArgs): number {
  return wholeOption(args.samplesPerPrompt, "samples-per-prompt", 1000) ?? 1;
}

function wholeOption(value: number | undefined, option: string, most: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return value;
  throw new InputError(
    option.replaceAll("-", "_"),
    `Expected --${option} to be a whole number from 1 to ${most} but received ${value}.`,
  );
}
