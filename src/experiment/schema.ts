// An experiment file: which model learns which task, and what is measured before and after. Unknown keys are errors.
import { z } from "zod";
import { oneOf, parseConfig, realNumber, wholeNumber } from "../base/parse-config.js";
import { ruleNames } from "../distill/rules/registry.js";
import { deviceNames } from "../engine/backend-choice.js";
import { presetNames } from "../templates/presets.js";
import { trainingSchema } from "../train/config.js";

export const variantNames = ["seed", "vanilla", "sdft"] as const;
export type VariantName = (typeof variantNames)[number];

const name = (what: string) => z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` });

/** What replaces the preset's sampling, for distilling or for evaluating. */
const samplingKeys = {
  temperature: realNumber(0).optional(),
  top_k: wholeNumber(0).optional(),
  top_p: realNumber(0, 1).optional(),
  min_p: realNumber(0, 1).optional(),
  repetition_penalty: realNumber(0).optional(),
  /** The smaller of the preset's and the task's where left out. */
  max_new_tokens: wholeNumber(1).optional(),
};

const distillSchema = z.strictObject({
  ...samplingKeys,
  /** using, refer, or a file; the preset's where left out. */
  template: name("using, refer or a file").optional(),
  /** Most attempts at each rewrite; the first that passes is taken. */
  attempts: wholeNumber(1, 64).default(1),
  rules: z.array(oneOf(ruleNames as readonly [string, ...string[]])).optional(),
});

const evaluationTask = z.strictObject({
  ...samplingKeys,
  task: name("a task"),
  /** A file or a name of dataset_info.json; the task's own where left out. */
  data: name("a file or a name of dataset_info.json").optional(),
  max_samples: wholeNumber(1).optional(),
});

export const experimentSchema = z.strictObject({
  name: name("a name"),
  model: name("a model").default("smollm2-135m-instruct"),
  device: oneOf(deviceNames).default("auto"),
  weights: oneOf(["native", "f32", "bf16", "q8", "q4"]).default("native"),
  /** Of generating and scoring; training is always f32. */
  compute: oneOf(["f32", "int"]).default("f32"),
  threads: wholeNumber(0).default(0),
  /** Such as 2GB; left out: what the system allows. */
  memory_budget: name("a size such as 2GB").nullable().default(null),
  seed: wholeNumber(0).default(0),
  preset: oneOf(presetNames as readonly ["default", ...string[]]).default("default"),
  /** A template or a family; fits the model where left out. */
  template: name("a template").nullable().default(null),
  /** What is trained. */
  task: name("a task"),
  /** A file or a name of dataset_info.json; the task's own where left out. */
  data: name("a file or a name of dataset_info.json").nullable().default(null),
  dataset_dir: name("a folder").nullable().default(null),
  /** The first so many of the seeded order. */
  max_samples: wholeNumber(1).nullable().default(null),
  /** Share of the examples that take the rewrite. */
  mix_ratio: realNumber(0, 1).default(1),
  variants: z
    .array(oneOf(variantNames))
    .min(1, { error: "expected at least one variant" })
    .default([...variantNames]),
  distill: distillSchema.prefault({}),
  train: trainingSchema.prefault({}),
  evaluate: z
    .array(
      z.union([name("a task").transform((task): z.output<typeof evaluationTask> => ({ task })), evaluationTask], {
        error: "expected a task's name, or a task with its settings",
      }),
    )
    .min(1, { error: "expected at least one task" }),
  /** The run folder. */
  out: name("a folder").optional(),
});

export type ExperimentInput = z.input<typeof experimentSchema>;
export type Experiment = z.output<typeof experimentSchema>;
export type EvaluationEntry = z.output<typeof evaluationTask>;

export function parseExperiment(value: unknown, source: string): Experiment {
  return parseConfig(experimentSchema, value, source);
}
