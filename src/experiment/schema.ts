// An experiment file: which model learns which task, and what is measured before and after. Unknown keys are errors.
import { z } from "zod";
import { numberOver, numberUnder, oneOf, parseConfig, realNumber, wholeNumber } from "../base/parse-config.js";
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
  top_p: numberOver(0, 1).optional(),
  min_p: numberUnder(0, 1).optional(),
  repetition_penalty: numberOver(0).optional(),
  /** The smaller of the preset's and the task's where left out. */
  max_new_tokens: wholeNumber(1).optional(),
};

const distillSchema = z.strictObject({
  ...samplingKeys,
  /** using, refer, or a file; the preset's where left out. */
  template: name("using, refer or a file").optional(),
  /** Most attempts at each rewrite; the first that passes is taken. With `choose: best` all are made. */
  attempts: wholeNumber(1, 64).default(1),
  /** Which accepted rewrite of a row: the first, or the one that the seed model finds likeliest. */
  choose: oneOf(["first", "best"]).default("first"),
  /** Names of rules and presets, also with parameters (parse-rules.ts); the default ones where left out. */
  rules: z
    .union([name("rules"), z.array(z.union([name("a rule"), z.record(z.string(), z.unknown())]))], {
      error: "expected names of rules, with parameters or without",
    })
    .optional(),
});

const evaluationTask = z.strictObject({
  ...samplingKeys,
  task: name("a task"),
  /** A file or a name of dataset_info.json; the task's own where left out. */
  data: name("a file or a name of dataset_info.json").optional(),
  max_samples: wholeNumber(1).optional(),
  /** Worked examples before each question of a multiple-choice task, or `leaderboard` for the task's number there; 0 where left out. */
  num_fewshot: z
    .union([wholeNumber(0, 100), z.literal("leaderboard")], {
      error: "expected a whole number from 0 to 100, or leaderboard",
    })
    .optional(),
  /** Answers to each prompt, for pass@k; 1 where left out. */
  samples_per_prompt: wholeNumber(1, 1000).optional(),
});

/** Who judges AlpacaEval: any endpoint that speaks OpenAI's chat completions. */
const judgeSchema = z.strictObject({
  /** Such as https://api.example.com/v1; `stand-in` starts one on loopback that judges by length, for trying out. */
  endpoint: name("an address, or stand-in"),
  model: name("the judge's name at the endpoint"),
  /** The environment variable that holds the key; null: no key is sent. */
  key_env: name("an environment variable").nullable().default(null),
  /** Asks about each pair in both orders. */
  both_orders: z.boolean({ error: "expected true or false" }).default(false),
  /** A file with the judge's prompt; null: the one that comes with the package. */
  prompt: name("a file").nullable().default(null),
  concurrency: wholeNumber(1, 256).default(4),
  /** Dollars for a million prompt tokens and a million completion tokens, such as 2.5,10; null: not told. */
  price: name("two prices such as 2.5,10").nullable().default(null),
});

/** How far a trained model's answers moved from the seed's: on the answers to `task`, which is evaluated too. */
const shiftSchema = z.strictObject({
  task: name("a task"),
  /** Embeds the answers for their similarity. */
  encoder: name("an encoder").default("all-minilm-l6-v2"),
  /** Also the divergence of the two models' next-token distributions over the seed's answers. */
  kl: z.boolean({ error: "expected true or false" }).default(false),
});

export const experimentSchema = z.strictObject({
  name: name("a name"),
  model: name("a model").default("smollm2-135m-instruct"),
  device: oneOf(deviceNames).default("auto"),
  weights: oneOf(["native", "f32", "bf16", "q8", "q4"]).default("native"),
  /** Of generating and scoring; training is always f32. */
  compute: oneOf(["f32", "int"]).default("f32"),
  threads: wholeNumber(0).default(0),
  /** A row's bits don't depend on the other rows of its batch, which costs some speed on cuda; on cpu always so. */
  batch_invariant: z.boolean({ error: "expected true or false" }).default(false),
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
  /** Training examples whose prompt and response have more tokens are left out before the sample is taken. */
  max_tokens: wholeNumber(2).nullable().default(null),
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
  /** Left out: alpaca_eval can't be evaluated. */
  judge: judgeSchema.optional(),
  /** Runs the model's programs without a sandbox where there is none. */
  allow_unsafe_execution: z.boolean({ error: "expected true or false" }).default(false),
  shift: shiftSchema.optional(),
  /** Also measures how likely the seed model finds the targets before training, original and distilled. */
  gap: z.boolean({ error: "expected true or false" }).default(false),
  /** The run folder. */
  out: name("a folder").optional(),
});

export type ExperimentInput = z.input<typeof experimentSchema>;
export type Experiment = z.output<typeof experimentSchema>;
export type JudgeSettings = z.output<typeof judgeSchema>;
export type ShiftSettings = z.output<typeof shiftSchema>;
export type EvaluationEntry = z.output<typeof evaluationTask>;

export function parseExperiment(value: unknown, source: string): Experiment {
  return parseConfig(experimentSchema, value, source);
}
