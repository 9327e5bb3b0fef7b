// Applies a task's check to outputs, wherever they were made, and sums it up with an interval.

import { wilsonInterval } from "../metrics/statistics.js";
import type { Answer, Task } from "./task.js";

/** One cell of a table: the share that passed of n, with Wilson's 95 % interval. */
export interface MetricValue {
  readonly metric: string;
  readonly value: number;
  readonly n: number;
  readonly low: number;
  readonly high: number;
}

export interface TaskScore {
  /** In the order of the answers; null where the task has no check. */
  readonly verdicts: readonly (boolean | null)[];
  readonly metrics: readonly MetricValue[];
}

export function scoreAnswers(task: Task, answers: readonly Answer[]): TaskScore {
  const { check, metric } = task;
  if (check === null || metric === null) return { verdicts: answers.map(() => null), metrics: [] };
  const verdicts = answers.map((answer) => check(answer));
  return { verdicts, metrics: answers.length === 0 ? [] : [summarise(metric, verdicts)] };
}

/** The share of true verdicts. */
export function summarise(metric: string, verdicts: readonly boolean[]): MetricValue {
  const n = verdicts.length;
  const passed = verdicts.filter(Boolean).length;
  return { metric, value: n === 0 ? Number.NaN : passed / n, n, ...wilsonInterval(passed, n) };
}
