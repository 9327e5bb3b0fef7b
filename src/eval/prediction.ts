// A row of predictions.jsonl: what a model answered to one test example, and whether that was right.
import { z } from "zod";

export interface PredictionRow {
  readonly id: string;
  /** Which of several answers to the same prompt; left out where there is one. */
  readonly sample?: number | undefined;
  /** The prompt's text, special tokens left out. */
  readonly prompt: string;
  readonly output: string;
  readonly label: string | null;
  /** Null where no program can tell. */
  readonly correct: boolean | null;
  /** Null for outputs made elsewhere that don't say. */
  readonly finish: "stop" | "length" | null;
  /** New tokens; null for outputs made elsewhere. */
  readonly tokens: number | null;
  /** Of multiple choice only: what the verdict comes from. */
  readonly choices?: ScoredChoices | undefined;
}

/** The answers of a question and how likely each is. */
export interface ScoredChoices {
  readonly texts: readonly string[];
  /** Natural logarithm of each answer's probability, summed over its tokens. */
  readonly loglikelihoods: readonly number[];
  /** Indices of the true answers. */
  readonly gold: readonly number[];
  /** Of a set of several parts (`mmlu_anatomy`); else null. */
  readonly part: string | null;
}

const schema = z.object({
  id: z.string(),
  sample: z.number().optional(),
  prompt: z.string(),
  output: z.string(),
  label: z.string().nullable(),
  correct: z.boolean().nullable(),
  finish: z.enum(["stop", "length"]).nullable(),
  tokens: z.number().nullable(),
  choices: z
    .object({
      texts: z.array(z.string()),
      loglikelihoods: z.array(z.number()),
      gold: z.array(z.number()),
      part: z.string().nullable(),
    })
    .optional(),
});

/** Null for what is no such row. */
export function parsePrediction(value: unknown): PredictionRow | null {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** One row for each prompt, the first answer where there are several: what models are compared by, prompt by prompt. */
export function firstAnswers(rows: readonly PredictionRow[]): PredictionRow[] {
  return rows.filter(({ sample = 0 }) => sample === 0);
}

/** What identifies a cell of the table of results. */
export interface ScoreKey {
  readonly variant: "seed" | "vanilla" | "sdft";
  /** What it was trained on; null for the seed. */
  readonly dataset: string | null;
  /** Of training. */
  readonly template: string;
  /** With which the training data were rewritten: using, refer or a file's name; null for seed and vanilla. */
  readonly distill_template: string | null;
  readonly mix_ratio: number | null;
  /** Training examples; null for the seed. */
  readonly samples: number | null;
  /** LoRA's r; null for the seed. */
  readonly rank: number | null;
  readonly seed: number;
  readonly task: string;
}

/** A row of scores.jsonl. */
export interface ScoreRow extends ScoreKey {
  readonly metric: string;
  readonly value: number;
  readonly n: number;
  /** 95 % interval. */
  readonly low: number;
  readonly high: number;
}

const scoreSchema = z.object({
  variant: z.enum(["seed", "vanilla", "sdft"]),
  dataset: z.string().nullable(),
  template: z.string(),
  // Files of before these two were written don't have them.
  distill_template: z.string().nullable().default(null),
  mix_ratio: z.number().nullable(),
  samples: z.number().nullable(),
  rank: z.number().nullable().default(null),
  seed: z.number(),
  task: z.string(),
  metric: z.string(),
  value: z.number(),
  n: z.number(),
  low: z.number(),
  high: z.number(),
});

/** Null for what is no such row. */
export function parseScore(value: unknown): ScoreRow | null {
  const parsed = scoreSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
