// Which training of the study each row of its runs belongs to. A run folder may serve several cells (a mix ratio of 0 is vanilla
// fine-tuning), and hold what other studies put there.
import type { PredictionRow, ScoreRow } from "../../eval/prediction.js";
import type { ShiftRow, VariantName } from "../run-summary.js";
import type { Study, StudyRun } from "./read-study.js";
import { type TrainingKey, trainingId } from "./score-groups.js";

export interface Training {
  /** The same for all seeds. */
  readonly id: string;
  readonly key: TrainingKey;
  readonly seed: number;
}

export interface TrainingAnswers extends Training {
  readonly task: string;
  readonly rows: readonly PredictionRow[];
}

export interface TrainingShift extends Training {
  readonly rows: readonly ShiftRow[];
}

/** Every training's answers, test by test; those that several runs hold (the seed model's) once. */
export function trainingAnswers(study: Study): TrainingAnswers[] {
  const found = new Map<string, TrainingAnswers>();
  for (const run of study.runs) {
    for (const { variant, task, rows } of run.summary.predictions) {
      if (!asks(study, task)) continue;
      for (const training of trainingsOf(study, run, (row) => row.variant === variant && row.task === task))
        found.set(`${training.id} ${training.seed} ${task}`, { ...training, task, rows });
    }
  }
  return [...found.values()];
}

export function trainingShifts(study: Study): TrainingShift[] {
  if (!asks(study, "shift")) return [];
  const found = new Map<string, TrainingShift>();
  for (const run of study.runs) {
    for (const { variant, rows } of run.summary.shifts) {
      for (const training of trainingsOf(study, run, (row) => row.variant === variant))
        found.set(`${training.id} ${training.seed}`, { ...training, rows });
    }
  }
  return [...found.values()];
}

/** Whether the study measures this; a shared run may hold more. */
function asks(study: Study, task: string): boolean {
  return study.scores.some((score) => score.task === task);
}

/** The study's trainings that a run's variant stands for. */
export function runTrainings(study: Study, run: StudyRun, variant: VariantName): Training[] {
  return trainingsOf(study, run, (row) => row.variant === variant);
}

function trainingsOf(study: Study, { summary }: StudyRun, fits: (row: ScoreRow) => boolean): Training[] {
  const known = new Set(study.scores.map(nameOf));
  const found = new Map<string, Training>();
  for (const row of summary.scores) {
    const name = nameOf(row);
    if (fits(row) && known.has(name)) found.set(name, { id: trainingId(row), key: row, seed: row.seed });
  }
  return [...found.values()];
}

function nameOf(row: ScoreRow): string {
  return `${trainingId(row)} ${row.seed}`;
}
