// Log-likelihoods of answers → acc, acc_norm and the probability mass of the true answers, as lm-evaluation-harness 0.4.13 computes them.

import { SdftError } from "../../base/error.js";
import { bootstrapMean } from "../../metrics/bootstrap.js";
import type { ChoiceFormat } from "../../tasks/choice.js";
import { type MetricValue, summarise } from "../../tasks/score.js";
import type { Task } from "../../tasks/task.js";
import type { Evaluation } from "../evaluate.js";
import type { PredictionRow, ScoredChoices } from "../prediction.js";

/** What one question scores. Not a number where all answers' probabilities are zero in double precision. */
export interface ChoiceScore {
  /** Index of the likeliest answer; of equal ones the first. */
  readonly best: number;
  readonly acc: number;
  readonly accNorm: number | null;
}

export function scoreChoice(format: Pick<ChoiceFormat, "scoring" | "byLength">, item: ScoredChoices): ChoiceScore {
  const { texts, loglikelihoods, gold } = item;
  const best = indexOfLargest(loglikelihoods);
  const hit = (index: number): number => (gold.includes(index) ? 1 : 0);
  const perCharacter = loglikelihoods.map((value, index) => value / [...(texts[index] ?? "")].length);
  return {
    best,
    acc: format.scoring === "best" ? hit(best) : trueMass(loglikelihoods, gold),
    accNorm: format.byLength ? hit(indexOfLargest(perCharacter)) : null,
  };
}

/** Sets `correct` and sums up, a group and each of its parts included. */
export function gradeChoices(task: Task, rows: readonly PredictionRow[]): Evaluation {
  const { choice: format } = task;
  if (format === undefined) throw new SdftError("choice_format", `The task ${task.name} has no choices.`);
  const scored = rows.map((row) => {
    const score = scoreChoice(format, expectChoices(row, task));
    if (Number.isNaN(score.acc)) {
      throw new SdftError(
        "choice_underflow",
        `The answers of row ${row.id} are so unlikely (under e^-745) that their probabilities can't be compared.`,
      );
    }
    return { row, score };
  });
  const metricsOf = (members: typeof scored): MetricValue[] => {
    if (members.length === 0) return [];
    const norms = members.flatMap(({ score }) => score.accNorm ?? []);
    const accuracy =
      format.scoring === "best"
        ? summarise(
            "acc",
            members.map(({ score }) => score.acc === 1),
          )
        : {
            metric: "acc",
            ...bootstrapMean(
              members.map(({ score }) => score.acc),
              { seed: 0 },
            ),
          };
    return norms.length === 0
      ? [accuracy]
      : [
          accuracy,
          summarise(
            "acc_norm",
            norms.map((value) => value === 1),
          ),
        ];
  };
  const inParts = (parts: readonly string[]): typeof scored =>
    scored.filter(({ row }) => row.choices?.part != null && parts.includes(row.choices.part));
  const sums = (format.parts?.groups ?? []).filter(({ name }) => name !== task.name);
  const parts = [...new Set(rows.flatMap((row) => row.choices?.part ?? []))].filter((part) => part !== task.name);
  return {
    predictions: scored.map(({ row, score }) => ({
      ...row,
      correct: format.scoring === "best" ? score.acc === 1 : null,
    })),
    metrics: [
      ...metricsOf(scored),
      ...sums.flatMap(({ name, parts }) => metricsOf(inParts(parts)).map((value) => ({ ...value, task: name }))),
      ...parts.flatMap((part) => metricsOf(inParts([part])).map((value) => ({ ...value, task: part }))),
    ],
  };
}

function expectChoices(row: PredictionRow, task: Task): ScoredChoices {
  if (row.choices !== undefined) return row.choices;
  throw new SdftError(
    "choice_row",
    `Expected log-likelihoods ("choices") in row ${row.id}: ${task.name} compares them, and an output alone can't be scored.`,
    { exitStatus: 2 },
  );
}

/** As numpy's argmax: the first of equal ones, and the first that is not a number before all others. */
function indexOfLargest(values: readonly number[]): number {
  let best = 0;
  for (const [index, value] of values.entries()) {
    if (Number.isNaN(values[best])) return best;
    if (Number.isNaN(value) || value > (values[best] ?? 0)) best = index;
  }
  return best;
}

/** Not a softmax with its maximum taken off: the harness exponentiates as it is. */
function trueMass(loglikelihoods: readonly number[], gold: readonly number[]): number {
  const masses = loglikelihoods.map(Math.exp);
  const sum = masses.reduce((total, mass) => total + mass, 0);
  return masses.reduce((total, mass, index) => (gold.includes(index) ? total + mass / sum : total), 0);
}
