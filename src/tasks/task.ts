// What a task is: all that is special about one data set or benchmark. A new one = one file here and one line in registry.ts.

import type { TextExample } from "../data/example.js";
import type { TemplateSets } from "../templates/choose.js";
import type { ChoiceFormat } from "./choice.js";

/** The columns of a row, by LLaMA-Factory's names for what they hold. */
export interface Columns {
  readonly prompt: string;
  /** Appended to the prompt after a line feed. */
  readonly query?: string;
  readonly response?: string;
  /** Earlier turns, oldest first. */
  readonly history?: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** A public copy of the data on the Hugging Face hub. */
export interface HubSource {
  readonly repo: string;
  readonly config: string | null;
  readonly split: string;
  /** The one file of the repository, where subset and split are not told by the files' names. */
  readonly file?: string;
  readonly columns: Columns;
  /** Brings a row of the hub's copy into the protocol's form; null where they are the same. */
  readonly convert: ((row: Row) => Row) | null;
}

/** A file of the authors' data folder (PROTOCOL §7). */
export interface AuthorsFile {
  /** In the folder. */
  readonly path: string;
  /** Null where the file was never seen. */
  readonly sha256: string | null;
}

/** Where a task's rows come from: a bundled file, the data folder (by its dataset_info.json, else by the file's name), or the hub. */
export interface DataSource {
  /** The name in a dataset_info.json. */
  readonly dataset: string;
  /** Null where the authors have none. */
  readonly authors: AuthorsFile | null;
  /** A file that comes with the package, relative to its root; null where there is none. */
  readonly bundled: string | null;
  readonly hub: HubSource | null;
  /** Of the bundled file, and of a dataset_info.json that names none. */
  readonly columns: Columns;
}

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
