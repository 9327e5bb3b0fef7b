// What a task is: all that is special about one data set or benchmark. A new one = one file here and one line in registry.ts.

import type { TextExample } from "../data/example.js";
import type { TemplateSets } from "../templates/choose.js";
import type { ChoiceFormat } from "./choice.js";
import type { DataSource } from "./data-source.js";

export type { AuthorsFile, Columns, DataSource, HubSource, Row } from "./data-source.js";

/** One output to judge. */
export interface Answer {
  /** Names the row in errors. */
  readonly id: string;
  /** The reference answer; null where the row has none. */
  readonly label: string | null;
  readonly output: string;
}

/** The numbers to train with, of PROTOCOL §4. */
export interface TrainingDefaults {
  readonly epochs: number;
  /** How many examples of the seeded order; null takes all. */
  readonly samples: number | null;
}

/**
 * How outputs become verdicts.
 * - `check`: a function of output and reference (`Task.check`).
 * - `execution`: the program that an output completes is run against its tests.
 * - `judge`: another model compares the output with the reference.
 * - `choice`: nothing is generated; the likelihoods of given answers are compared.
 */
export type Grading = "check" | "execution" | "judge" | "choice";

/** What a task's score is called. */
export type MetricName = "accuracy" | "safe_rate" | "pass@1" | "win_rate" | "acc";

export interface Task {
  readonly name: string;
  /** One line for listings. */
  readonly title: string;
  /** Null: nothing to train on. */
  readonly train: DataSource | null;
  /** Null: nothing to evaluate on. */
  readonly test: DataSource | null;
  readonly templates: TemplateSets;
  /** Null: nothing to evaluate, or outputs that nobody judges. */
  readonly grading: Grading | null;
  /** Whether an output is right (or safe); null where no function of the text can tell. */
  readonly check: ((answer: Answer) => boolean) | null;
  /** Whether the check also decides if a rewrite is kept. */
  readonly checkFilters: boolean;
  /** What the score is called; null without grading. */
  readonly metric: MetricName | null;
  readonly training: TrainingDefaults | null;
  readonly maxNewTokens: number;
  /** Ends an answer before one of these, whatever the preset. */
  readonly stop?: readonly string[];
  /** Answers are greedy whatever the preset, unless a temperature is asked for. */
  readonly greedy?: boolean;
  /** Puts together what the prompt needs, wherever the example came from. */
  readonly prepare?: (example: TextExample) => TextExample;
  /** How a row becomes a question, where grading is `choice`. */
  readonly choice?: ChoiceFormat;
}
