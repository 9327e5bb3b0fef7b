// Test examples → prompts → completions → predictions.jsonl and the task's metrics. Goes on where it was interrupted.
import { join } from "node:path";
import { contentHash } from "../base/content-hash.js";
import { InputError } from "../base/error.js";
import { computedBy, openJournal } from "../base/journal.js";
import { type Reporter, silentReporter } from "../base/reporter.js";
import { writeJsonLines } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import type { AdapterHandle, Engine } from "../engine/engine.js";
import type { Completion } from "../engine/generate.js";
import type { Sampling } from "../engine/sampling.js";
import { type MetricValue, type RowFault, scoreAnswers } from "../tasks/score.js";
import type { Task } from "../tasks/task.js";
import type { PromptRenderer } from "../templates/render.js";
import { type PredictionRow, parsePrediction } from "./prediction.js";

export interface EvaluationJob {
  readonly task: Task;
  readonly examples: readonly TextExample[];
  readonly renderer: PromptRenderer;
  readonly adapter: AdapterHandle | null;
  /** Names the adapter's numbers; null for the base model. */
  readonly adapterHash: string | null;
  readonly sampling: Sampling;
  /** Answers to each prompt; 1 where left out. */
  readonly samplesPerPrompt?: number;
  /** Gets predictions.jsonl. */
  readonly folder: string;
  /** For progress (`evaluate sdft on gsm8k`). */
  readonly stage: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

export interface Evaluation {
  readonly predictions: readonly PredictionRow[];
  readonly metrics: readonly MetricValue[];
  /** Rows that can't be scored and are left out of the metrics. */
  readonly faults?: readonly RowFault[];
}

/** What the predictions depend on: prompts, labels, weights, sampling. */
export function evaluationHash(engine: Pick<Engine, "fingerprint">, job: EvaluationJob): string {
  return contentHash({
    stage: "evaluate",
    engine: engine.fingerprint,
    adapter: job.adapterHash,
    task: job.task.name,
    sampling: job.sampling,
    stopTokens: job.renderer.stopTokens,
    rows: job.examples.map((example) => [example.id, job.renderer.promptTokens(example), example.response]),
    ...(samplesOf(job) === 1 ? {} : { samples: samplesOf(job) }),
  });
}

/** Sets the verdicts of finished rows and sums up. */
export type Grade = (rows: readonly PredictionRow[]) => Evaluation | Promise<Evaluation>;

/** Generates, grades (by the task's check where `grade` is left out) and writes `folder/predictions.jsonl`. */
export async function evaluate(
  engine: Engine,
  job: EvaluationJob,
  grade: Grade = (rows) => scorePredictions(job.task, rows),
): Promise<Evaluation> {
  const reporter = job.reporter ?? silentReporter;
  const journal = await openJournal(
    join(job.folder, "predictions.partial.jsonl"),
    evaluationHash(engine, job),
    parsePrediction,
    computedBy(engine, reporter),
  );
  const samples = samplesOf(job);
  const done = new Map(journal.earlier.map((row) => [answerKey(row.id, row.sample), row]));
  const all = job.examples.flatMap((example) => Array.from({ length: samples }, (_, sample) => ({ example, sample })));
  const open = all.filter(({ example, sample }) => !done.has(answerKey(example.id, sample)));
  const byId = new Map(job.examples.map((example) => [example.id, example]));
  const toRow = (completion: Completion): void => {
    const example = byId.get(completion.id);
    if (example === undefined) return;
    const row = { ...predictionRow(example, completion, job.renderer), ...(samples === 1 ? {} : sampleOf(completion)) };
    done.set(answerKey(row.id, completion.sample), row);
    journal.append(row);
  };
  await engine.generate(
    open.map(({ example, sample }) => ({ id: example.id, sample, tokens: job.renderer.promptTokens(example) })),
    job.sampling,
    {
      adapter: job.adapter,
      endTokens: job.renderer.stopTokens,
      signal: job.signal,
      onCompletion: toRow,
      onProgress: ({ finished, newTokens, promptTokens, share }) =>
        reporter.progress({
          stage: job.stage,
          done: journal.earlier.length + finished,
          total: all.length,
          unit: "rows",
          tokens: newTokens + promptTokens,
          share,
        }),
    },
  );
  // Should grading fail, the outputs stay in the journal and need not be generated again.
  const evaluation = await grade(all.flatMap(({ example, sample }) => done.get(answerKey(example.id, sample)) ?? []));
  await writeJsonLines(join(job.folder, "predictions.jsonl"), evaluation.predictions);
  await journal.remove();
  return evaluation;
}

/** Sets `correct` by the task's check and sums up. */
export function scorePredictions(task: Task, rows: readonly PredictionRow[]): Evaluation {
  const { verdicts, metrics, faults } = scoreAnswers(task, rows);
  return { predictions: rows.map((row, index) => ({ ...row, correct: verdicts[index] ?? null })), metrics, faults };
}

function samplesOf({ samplesPerPrompt = 1, sampling, task }: EvaluationJob): number {
  expectSamples(task, sampling, samplesPerPrompt);
  return samplesPerPrompt;
}

/** Several answers to a prompt must be able to differ. */
export function expectSamples(task: Task, sampling: Sampling, samplesPerPrompt: number): void {
  if (samplesPerPrompt === 1 || sampling.temperature > 0) return;
  throw new InputError(
    "samples",
    `Expected a temperature over 0 for ${samplesPerPrompt} answers to each prompt of ${task.name}: greedy ones are all the same.`,
  );
}

/** Answers to the same prompt are told apart by their sample. */
function answerKey(id: string, sample = 0): string {
  return JSON.stringify([id, sample]);
}

function sampleOf({ sample }: Completion): { readonly sample: number } {
  return { sample };
}

function predictionRow(example: TextExample, completion: Completion, renderer: PromptRenderer): PredictionRow {
  return {
    id: example.id,
    prompt: renderer.promptText(example),
    output: completion.text,
    label: example.response,
    correct: null,
    finish: completion.finish,
    tokens: completion.tokens.length,
  };
}
