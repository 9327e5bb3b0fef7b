// One task on one model, whatever its kind of grading: what `sdft run` and `sdft eval` call. A kind of grading is a case here.
import type { Engine } from "../engine/engine.js";
import type { Task } from "../tasks/task.js";
import { type ChoiceJob, choiceHash, evaluateChoices } from "./choice/evaluate-choices.js";
import { gradeChoices } from "./choice/score-choices.js";
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

/** `answers`: prompts to be completed. `choices`: given answers to be compared. */
export type TaskJob = (({ readonly kind: "answers" } & EvaluationJob) | ({ readonly kind: "choices" } & ChoiceJob)) & {
  /** How outputs that need more than a check are graded; the plain settings where left out. */
  readonly grading?: GradingSettings;
  /** What makes the outputs, for AlpacaEval's file; the stage's name where left out. */
  readonly generator?: string;
};

/** Predictions in `job.folder`, and the task's metrics. Goes on where it was interrupted. */
export async function evaluateTask(engine: Engine, job: TaskJob): Promise<Evaluation> {
  await expectGradable(job.task, job.grading ?? plainGrading);
  if (job.kind === "choices") return evaluateChoices(engine, job);
  return evaluate(engine, job, (rows) => gradePredictions(job.task, rows, gradingContext(job)));
}

/** What the predictions depend on; verdicts of programs and judges are kept by content beside them. */
export function taskHash(engine: Pick<Engine, "fingerprint">, job: TaskJob): string {
  return job.kind === "choices" ? choiceHash(engine, job) : evaluationHash(engine, job);
}

/** What grading a job's outputs needs. */
export function gradingContext(job: TaskJob): GradingContext {
  const { folder, reporter, signal, stage } = job;
  const examples = job.kind === "answers" ? job.examples : [];
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
      return gradeChoices(task, rows);
  }
}

/** Throws before any work where this machine or the settings can't grade the task. */
export async function expectGradable(task: Task, settings: GradingSettings): Promise<void> {
  switch (task.grading) {
    case "check":
    case "choice":
    case null:
      return;
    case "execution":
    case "judge":
      return expectSandboxOrJudge(task, settings);
  }
}
