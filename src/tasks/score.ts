// Applies a task's check to outputs, wherever they were made, and sums it up with an interval.

import { InputError } from "../base/error.js";
import { wilsonInterval } from "../metrics/statistics.js";
import type { Answer, Task } from "./task.js";

/** One cell of a table: the share that passed of n, with Wilson's 95 % interval. */
export interface MetricValue {
  /** The part of the task that it is of (`mmlu_anatomy`); left out: the whole. */
  readonly task?: string;
  readonly metric: string;
  readonly value: number;
  readonly n: number;
  readonly low: number;
  readonly high: number;
}

/** A row that can't be scored, whatever was answered. */
export interface RowFault {
  readonly id: string;
  /** A sentence that names the row. */
  readonly reason: string;
}

export interface TaskScore {
  /** In the order of the answers; null where the task has no check, and for faults. */
  readonly verdicts: readonly (boolean | null)[];
  /** Over the rows that can be scored. */
  readonly metrics: readonly MetricValue[];
  readonly faults: readonly RowFault[];
}

/** A reference answer that the check can't read is a fault of its row, and the others go on; where it can read none, the rows are another task's. */
export function scoreAnswers(task: Task, answers: readonly Answer[]): TaskScore {
  const { check, metric } = task;
  if (check === null || metric === null) return { verdicts: answers.map(() => null), metrics: [], faults: [] };
  const faults: RowFault[] = [];
  const verdicts = answers.map((answer) => {
    try {
      return check(answer);
    } catch (error) {
      if (!isUnreadableReference(error)) throw error;
      faults.push({ id: answer.id, reason: error.message });
      return null;
    }
  });
  const scored = verdicts.filter((verdict) => verdict !== null);
  const [first] = faults;
  if (first !== undefined && scored.length === 0) {
    throw new InputError(
      "other_task",
      `None of the ${answers.length} reference answers is one of the task ${task.name}, so they belong to another task or are damaged: ${first.reason}`,
    );
  }
  return { verdicts, metrics: scored.length === 0 ? [] : [summarise(metric, scored)], faults };
}

/** What a task's check throws of a reference answer that is there but is not of its form. */
export function isUnreadableReference(error: unknown): error is InputError {
  return error instanceof InputError && error.code === "malformed_call";
}

/** For people: the row, and what becomes of it. */
export function faultSentence(task: Task, { reason }: RowFault): string {
  return `A row of ${task.name} is left out of its score: ${reason}`;
}

/** The share of true verdicts. */
export function summarise(metric: string, verdicts: readonly boolean[]): MetricValue {
  const n = verdicts.length;
  const passed = verdicts.filter(Boolean).length;
  return { metric, value: n === 0 ? Number.NaN : passed / n, n, ...wilsonInterval(passed, n) };
}
