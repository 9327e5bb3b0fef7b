// One task on one model, whatever its kind of grading: what `sdft run` and `sdft eval` call. A kind of grading is a case here.
import { SdftError } from "../base/error.js";
import type { Engine } from "../engine/engine.js";
import type { Task } from "../tasks/task.js";
import { type Evaluation, type EvaluationJob, evaluate, evaluationHash, scorePredictions } from "./evaluate.js";
import {
  expectSandboxOrJudge,
  type GradingContext,
  type GradingSettings,
  gradeByExecution,
  gradeByJudge,
  plainGrading,
} from "./grading.js";
import type { PredictionRow } from "./prediction.js";

/** `answers`: prompts to be completed. */
export type TaskJob = { readonly kind: "answers" } & EvaluationJob & {
    /** How outputs that need more than a check are graded; the plain settings where left out. */
    readonly grading?: GradingSettings;
    /** What makes the outputs, for AlpacaEval's file; the stage's name where left out. */
    readonly generator?: string;
  };

/** Predictions in `job.folder`, and the task's metrics. Goes on where it was interrupted. */
export async function evaluateTask(engine: Engine, job: TaskJob): Promise<Evaluation> {
  await expectGradable(job.task, job.grading ?? plainGrading);
  return evaluate(engine, job, (rows) => gradePredictions(job.task, rows, gradingContext(job)));
}

/** What the predictions depend on; verdicts of programs and judges are kept by content beside them. */
export function taskHash(engine: Pick<Engine, "fingerprint">, job: TaskJob): string {
  return evaluationHash(engine, job);
}

/** What grading a job's outputs needs. */
export function gradingContext(job: TaskJob): GradingContext {
  const { examples, folder, reporter, signal, stage } = job;
  const settings = job.grading ?? plainGrading;
  return { settings, examples, folder, generator: job.generator ?? stage, reporter, signal };
}

/** Verdicts and metrics of outputs, without a model. Programs and answers that are known from `context.folder` are not run or asked for again. */
export async function gradePredictions(
  task: Task,
  rows: readonly PredictionRow[],
  context: GradingContext,
): Promise<Evaluation> {
  switch (task.grading) {
    case "check":
    case null:
      return scorePredictions(task, rows);
    case "execution":
      return gradeByExecution(task, rows, context);
    case "judge":
      return gradeByJudge(task, rows, context);
    case "choice":
      throw notBuilt(task);
  }
}

/** Throws before any work where this machine or the settings can't grade the task. */
export async function expectGradable(task: Task, settings: GradingSettings): Promise<void> {
  switch (task.grading) {
    case "check":
    case null:
      return;
    case "execution":
    case "judge":
      return expectSandboxOrJudge(task, settings);
    case "choice":
      throw notBuilt(task);
  }
}

function notBuilt(task: Task): SdftError {
  return new SdftError("not_built", `Grading by ${task.grading}, which the task ${task.name} needs, is not built yet.`);
}
