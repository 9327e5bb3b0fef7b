// The tasks by name. A line here and a file beside it make a new one.

import { fileURLToPath } from "node:url";
import { InputError } from "../base/error.js";
import { suggestion } from "../base/suggestion.js";
import { advbench } from "./advbench.js";
import { advbenchJailbreak } from "./advbench-jailbreak.js";
import { alpaca } from "./alpaca.js";
import { alpacaEval } from "./alpaca-eval.js";
import { arcChallenge, arcEasy } from "./arc.js";
import { demoArithmetic } from "./demo-arithmetic.js";
import { demoCalls } from "./demo-calls.js";
import { demoRefusals } from "./demo-refusals.js";
import { dolly } from "./dolly.js";
import { gsm8k } from "./gsm8k.js";
import { hellaswag } from "./hellaswag.js";
import { humaneval } from "./humaneval.js";
import { lima } from "./lima.js";
import { magicoder } from "./magicoder.js";
import { findMmluTask, mmlu } from "./mmlu.js";
import { multiarith } from "./multiarith.js";
import { openfunctions } from "./openfunctions.js";
import { openhermes } from "./openhermes.js";
import type { DataSource, Task } from "./task.js";
import { truthfulqaMc1, truthfulqaMc2 } from "./truthfulqa.js";
import { winogrande } from "./winogrande.js";

export const tasks = {
  openfunctions,
  gsm8k,
  multiarith,
  humaneval,
  advbench,
  advbench_jailbreak: advbenchJailbreak,
  alpaca_eval: alpacaEval,
  magicoder,
  alpaca,
  dolly,
  lima,
  openhermes,
  mmlu,
  truthfulqa_mc1: truthfulqaMc1,
  truthfulqa_mc2: truthfulqaMc2,
  arc_easy: arcEasy,
  arc_challenge: arcChallenge,
  hellaswag,
  winogrande,
  demo_calls: demoCalls,
  demo_arithmetic: demoArithmetic,
  demo_refusals: demoRefusals,
} as const satisfies Record<string, Task>;

export type TaskName = keyof typeof tasks;

export const taskNames = Object.keys(tasks) as readonly TaskName[];

export function isTaskName(name: string): name is TaskName {
  return Object.hasOwn(tasks, name);
}

/** The task of that name, or an error that lists the names and suggests the nearest. */
export function getTask(name: string): Task {
  const found = findTask(name);
  if (found === null) {
    throw new InputError(
      "unknown_task",
      `Expected a task (${taskNames.join(", ")}) but received "${name}"${suggestion(name, taskNames)}.`,
    );
  }
  return found;
}

/** The task of that name, MMLU's single subjects and groups among them; null where there is none. */
export function findTask(name: string): Task | null {
  return isTaskName(name) ? tasks[name] : findMmluTask(name);
}

/** The task to which a name of a dataset_info.json belongs, or null. */
export function findTaskOfDataset(dataset: string): Task | null {
  const all: readonly Task[] = Object.values(tasks);
  return all.find((task) => task.train?.dataset === dataset || task.test?.dataset === dataset) ?? null;
}

/** The absolute path of a source's bundled file, wherever the package lies; null where it has none. */
export function bundledPath(source: DataSource): string | null {
  return source.bundled === null ? null : fileURLToPath(new URL(`../../${source.bundled}`, import.meta.url));
}
