// What a cell has numbers for, and what measuring its shift needs beforehand.
import { InputError } from "../base/error.js";
import type { DeviceName } from "../engine/backend-choice.js";
import { type Encoder, openEncoder } from "../engine/encoder.js";
import type { EncoderPackage } from "../models/encoder-package.js";
import { getTask } from "../tasks/registry.js";
import type { Experiment, ShiftSettings, VariantName } from "./schema.js";

export interface ExpectedScore {
  readonly task: string;
  readonly metric: string;
}

/** The tasks and metrics that a cell has numbers for when nothing is missing. */
export function expectedScores(experiment: Experiment, variant: VariantName): ExpectedScore[] {
  const scores: ExpectedScore[] = experiment.evaluate.map(({ task }) => ({
    task,
    metric: getTask(task).metric ?? "none",
  }));
  if (variant !== "seed" && experiment.shift !== undefined) scores.push(...shiftScores(experiment.shift));
  if (variant === "sdft" && experiment.gap && experiment.mix_ratio > 0) scores.push(...gapScores);
  return scores;
}

export function shiftScores({ kl }: ShiftSettings): ExpectedScore[] {
  const metrics = ["bleu4", "rouge_l", "similarity", "parameter_shift", ...(kl ? ["kl"] : [])];
  return metrics.map((metric) => ({ task: "shift", metric }));
}

export const gapScores: readonly ExpectedScore[] = ["logprob_original", "logprob_distilled"].map((metric) => ({
  task: "gap",
  metric,
}));

/** The shift compares answers that the trained model and the seed both have to give. */
export function checkShift({ shift, evaluate }: Experiment, seed: "evaluated" | "left out", source: string): void {
  if (shift === undefined) return;
  if (!evaluate.some(({ task }) => task === shift.task)) {
    throw new InputError(
      "study",
      `Expected ${shift.task} among the tests (evaluate) of ${source}, because shift compares the answers to it.`,
    );
  }
  if (getTask(shift.task).grading === "choice") {
    throw new InputError(
      "study",
      `Expected a test with answers of its own for shift in ${source} but ${shift.task} only compares choices.`,
    );
  }
  if (seed === "left out") {
    throw new InputError(
      "study",
      `Expected seed among the variants of ${source}, because shift compares with the seed's answers.`,
    );
  }
}

/** On the same device and threads as the model; in f32, whatever the model's weights. */
export function openShiftEncoder(
  settings: { readonly device: DeviceName; readonly threads: number; readonly batch_invariant: boolean },
  model: EncoderPackage,
): Promise<Encoder> {
  const { device, threads, batch_invariant: batchInvariant } = settings;
  return openEncoder(model, { device, threads, batchInvariant });
}
