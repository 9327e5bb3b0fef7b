// The expected values that lm-evaluation-harness 0.4.13 made on invented documents (shared/reference/lm_eval_tasks.json), as types.
import { readFileSync } from "node:fs";
import type { ChoiceRow } from "../../../src/eval/choice/questions.js";
import type { Row } from "../../../src/tasks/task.js";
import { sharedPath } from "../../shared-folder.js";

export interface HarnessRequest {
  readonly context: string;
  readonly continuation: string;
  readonly context_tokens: readonly number[];
  readonly continuation_tokens: readonly number[];
  readonly loglikelihood: number | null;
}

export interface HarnessRun {
  readonly set: string;
  readonly num_fewshot: number;
  readonly docs: readonly {
    readonly doc: Row;
    readonly choices: readonly string[];
    readonly gold: number;
    readonly requests: readonly HarnessRequest[];
    readonly results: Readonly<Record<string, number>>;
  }[];
  readonly results: Readonly<Record<string, number | string>>;
}

type Splits = Readonly<Record<string, readonly Row[]>>;

export interface Harness {
  readonly tasks: Readonly<Record<string, { readonly runs: readonly HarnessRun[] }>>;
  readonly groups: readonly {
    readonly set: string;
    readonly num_fewshot: number;
    readonly results: Readonly<Record<string, Readonly<Record<string, number | string>>>>;
  }[];
  readonly names: {
    readonly groups: Readonly<Record<string, { readonly children: readonly string[] }>>;
    readonly mmlu: Readonly<Record<string, { readonly description: string }>>;
  };
  readonly data: Readonly<Record<string, Readonly<Record<string, Splits & Readonly<Record<string, Splits>>>>>>;
  readonly pairs_scored: readonly HarnessRequest[];
  readonly long_scored: HarnessRequest & { readonly max_length: number };
  readonly scoring_results: readonly {
    readonly task: string;
    readonly set: string;
    readonly doc_id: number;
    readonly answers: readonly (readonly [number, boolean])[];
    readonly results: Readonly<Record<string, number | null>>;
  }[];
}

const path = sharedPath("reference", "lm_eval_tasks.json");

/** Null where the file is not there. */
export const harness: Harness | null = path === null ? null : (JSON.parse(readFileSync(path, "utf8")) as Harness);

/** The documents of a task in one of the sets; of MMLU all subjects one after the other, as in the hub's file. */
export function documents(from: Harness, set: string, task: string, split: "test" | "dev"): ChoiceRow[] {
  const sets = from.data[set] ?? {};
  const name = task.split("_mc")[0] ?? task;
  const rows = task.startsWith("mmlu")
    ? Object.values(sets.mmlu ?? {}).flatMap((subject) => (subject as unknown as Splits)[split] ?? [])
    : Object.values(sets[name] ?? {}).flat();
  return (rows as readonly Row[]).map((row, index) => ({ id: String(index), row }));
}
