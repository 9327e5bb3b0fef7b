// The options that commands share, each said once; DESIGN's names are a contract. Types follow from the builders.
import type { Options } from "yargs";

/** Every command. */
export const commonOptions = {
  model: {
    type: "string",
    describe: "Hugging Face folder, .gguf file, hub id or alias",
    defaultDescription: "smollm2-135m-instruct",
  },
  adapter: { type: "string", describe: "folder of a LoRA adapter in peft's layout" },
  device: {
    choices: ["auto", "cpu", "reference", "cuda"] as const,
    default: "auto" as const,
    describe: "where the engine runs",
  },
  weights: {
    choices: ["native", "f32", "bf16", "q8", "q4"] as const,
    default: "native" as const,
    describe: "how frozen weights are kept; native keeps the file's values",
  },
  compute: {
    choices: ["f32", "int"] as const,
    default: "f32" as const,
    describe:
      "products when generating and scoring; int rounds activations to 8 bits, on the cpu cached keys and values to 16",
  },
  threads: { type: "number", describe: "processor threads", defaultDescription: "one for each core" },
  "batch-invariant": {
    type: "boolean",
    default: false,
    describe: "a row's bits don't depend on the other rows of its batch: always so on cpu, slower on cuda",
  },
  "memory-budget": {
    type: "string",
    describe: "most memory that the process may take, such as 2GB",
    defaultDescription: "what the system allows",
  },
  seed: { type: "number", describe: "of samples, order, initialisation and dropout", defaultDescription: "0" },
  out: { type: "string", alias: "output-dir", describe: "file or folder for the results" },
  json: { type: "boolean", default: false, describe: "print one JSON document on stdout" },
  verbose: { type: "boolean", default: false, describe: "show stack traces" },
} as const satisfies Record<string, Options>;

/** Commands that compute for long. */
export const profileOptions = {
  profile: { type: "boolean", default: false, describe: "show what each kernel cost, at the end" },
} as const satisfies Record<string, Options>;

export const samplingOptions = {
  temperature: { type: "number", describe: "0 takes the likeliest token", defaultDescription: "the preset's" },
  "top-k": { type: "number", describe: "keep this many tokens; 0 keeps all", defaultDescription: "the preset's" },
  "top-p": {
    type: "number",
    describe: "keep the likeliest tokens of this much probability",
    defaultDescription: "the preset's",
  },
  "min-p": { type: "number", default: 0, describe: "keep tokens of at least this share of the likeliest" },
  "repetition-penalty": { type: "number", default: 1, describe: "over 1 makes repeated tokens less likely" },
  "max-new-tokens": { type: "number", describe: "longest answer", defaultDescription: "the preset's" },
  "min-new-tokens": { type: "number", default: 0, describe: "no end before this many tokens" },
  "ignore-eos": { type: "boolean", default: false, describe: "go on past end tokens" },
  stop: { type: "string", array: true, describe: "end the answer before this text" },
} as const satisfies Record<string, Options>;

export const templateOptions = {
  template: {
    type: "string",
    describe: "prompt template, or a family: alpaca, chat",
    defaultDescription: "fits the model",
  },
  preset: {
    choices: ["default", "paper", "authors-main", "authors-reproduce"] as const,
    default: "default" as const,
    describe: "a set of choices that go together",
  },
} as const satisfies Record<string, Options>;

export const dataOptions = {
  ...templateOptions,
  data: { type: "string", describe: "file (JSON, JSONL, CSV, Parquet), hub id, task, or a name of dataset_info.json" },
  "dataset-dir": { type: "string", describe: "folder with a dataset_info.json" },
  task: { type: "string", describe: "what the data is; says how rows are read, checked and scored" },
  "max-samples": { type: "number", describe: "the first N of the seeded order" },
  shuffle: { type: "boolean", default: true, describe: "--no-shuffle keeps the file's order" },
} as const satisfies Record<string, Options>;

export const distillOptions = {
  "distill-template": {
    type: "string",
    describe: "using, refer, or a file with {instruction} and {response}",
    defaultDescription: "the preset's",
  },
} as const satisfies Record<string, Options>;

/** Of answers that may repeat what is there already. */
export const draftOptions = {
  drafts: {
    choices: ["auto", "off", "on"] as const,
    default: "auto" as const,
    describe:
      "guess next tokens where the last ones stood before and check several at once, for the same answers: where that is faster, never, or always",
  },
} as const satisfies Record<string, Options>;

/** Of what is trained or rewritten. */
export const exampleOptions = {
  "max-example-tokens": {
    type: "number",
    describe: "leave out longer training examples, before the sample is taken",
  },
} as const satisfies Record<string, Options>;

/** Of rewrites. */
export const filterOptions = {
  rules: {
    type: "string",
    describe: "filter rules with commas, with parameters in brackets: authors,length-ratio(min=0.5,max=2)",
    defaultDescription: "default",
  },
  choose: {
    choices: ["first", "best"] as const,
    default: "first" as const,
    describe: "which accepted rewrite of a row: the first, or the likeliest under the model",
  },
} as const satisfies Record<string, Options>;

/** What outputs need that no function can check: programs to run, a judge to ask. */
export const gradingOptions = {
  "samples-per-prompt": { type: "number", describe: "answers to each prompt, for pass@k", defaultDescription: "1" },
  "allow-unsafe-execution": {
    type: "boolean",
    default: false,
    describe: "run the model's programs without protection where no sandbox works",
  },
  "judge-endpoint": { type: "string", describe: "address that speaks OpenAI's chat completions; stand-in to try" },
  "judge-model": { type: "string", describe: "the judge's name there" },
  "judge-key-env": { type: "string", describe: "environment variable that holds the key" },
  "judge-both-orders": { type: "boolean", default: false, describe: "ask about each pair in both orders" },
  "judge-prompt": { type: "string", describe: "file with {instruction}, {first} and {second}" },
  "judge-concurrency": { type: "number", describe: "requests at a time", defaultDescription: "4" },
  "judge-price": { type: "string", describe: "dollars for a million tokens: PROMPT,COMPLETION" },
} as const satisfies Record<string, Options>;

/** Hugging Face's names; the values are checked by src/train/config.ts, so that all faults come together. */
export const trainingOptions = {
  "learning-rate": { type: "number", defaultDescription: "1e-4" },
  "num-train-epochs": { type: "number", defaultDescription: "2" },
  "max-steps": { type: "number", describe: "wins over epochs" },
  "per-device-train-batch-size": { type: "number", defaultDescription: "2" },
  "gradient-accumulation-steps": { type: "number", defaultDescription: "4" },
  "lr-scheduler-type": {
    type: "string",
    describe: "cosine, linear, constant or constant_with_warmup",
    defaultDescription: "cosine",
  },
  "warmup-steps": { type: "number", defaultDescription: "0" },
  "warmup-ratio": { type: "number", defaultDescription: "0" },
  "max-grad-norm": { type: "number", defaultDescription: "1" },
  "weight-decay": { type: "number", defaultDescription: "0" },
  "lora-r": { type: "number", alias: "lora-rank", defaultDescription: "8" },
  "lora-alpha": { type: "number", defaultDescription: "16" },
  "lora-dropout": { type: "number", defaultDescription: "the preset's" },
  "lora-target": { type: "string", describe: "names with commas, or all", defaultDescription: "q_proj,v_proj" },
  "use-rslora": { type: "boolean", describe: "scale by alpha/√r" },
  "long-examples": {
    choices: ["error", "drop", "cut"] as const,
    describe: "what becomes of examples over the cut-off",
    defaultDescription: "error",
  },
  "cutoff-len": { type: "number", describe: "most tokens of an example", defaultDescription: "1024" },
  "micro-batch-tokens": {
    type: "number",
    describe: "most rows of a micro-batch, a common prefix counted once",
    defaultDescription: "by the shapes of model and adapter",
  },
  activations: {
    choices: ["store", "recompute"] as const,
    describe: "recompute takes less memory and more time",
    defaultDescription: "store",
  },
  "init-adapter": { type: "string", describe: "train on from this adapter" },
  "save-steps": { type: "number", describe: "a checkpoint after every so many updates" },
  resume: { type: "boolean", default: false, describe: "go on from the last checkpoint in --out" },
} as const satisfies Record<string, Options>;
