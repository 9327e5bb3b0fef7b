// One task on one model, whatever its kind of grading: what `sdft run` and `sdft eval` call. A kind of grading is a case here.
import { SdftError } from "../base/error.js";
import type { Engine } from "../engine/engine.js";
import type { Task } from "../tasks/task.js";
import { type Evaluation, type EvaluationJob, evaluate, evaluationHash, scorePredictions } from "./evaluate.js";
import type { PredictionRow } from "./prediction.js";

/** `answers`: prompts to be completed. */
export type TaskJob = { readonly kind: "answers" } & EvaluationJob;

/** Predictions in `job.folder`, and the task's metrics. Goes on where it was interrupted. */
export async function evaluateTask(engine: Engine, job: TaskJob): Promise<Evaluation> {
  expectGradable(job.task);
  return evaluate(engine, job, (rows) => gradePredictions(job.task, rows));
}

/** What the predictions and verdicts depend on. */
export function taskHash(engine: Engine, job: TaskJob): string {
  return evaluationHash(engine, job);
}

/** Verdicts and metrics of outputs, without a model. */
export async function gradePredictions(task: Task, rows: readonly PredictionRow[]): Promise<Evaluation> {
  switch (task.grading) {
    case "check":
    case null:
      return scorePredictions(task, rows);
    case "execution":
    case "judge":
    case "choice":
      throw notBuilt(task);
  }
}

/** Throws before any work where this machine or this version can't grade the task. */
export function expectGradable(task: Task): void {
  switch (task.grading) {
    case "check":
    case null:
      return;
    case "execution":
    case "judge":
    case "choice":
      throw notBuilt(task);
  }
}

function notBuilt(task: Task): SdftError {
  return new SdftError("not_built", `Grading by ${task.grading}, which the task ${task.name} needs, is not built yet.`);
}
