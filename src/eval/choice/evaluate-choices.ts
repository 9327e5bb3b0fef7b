// Multiple choice on a model: every answer's log-likelihood, predictions.jsonl and the task's metrics. Goes on where it was interrupted.

import { join } from "node:path";
import { contentHash } from "../../base/content-hash.js";
import { throwIfInterrupted } from "../../base/interrupted.js";
import { computedBy, openJournal } from "../../base/journal.js";
import { type Reporter, silentReporter } from "../../base/reporter.js";
import { writeJsonLines } from "../../base/write-file.js";
import { type AdapterHandle, type Engine, mostScored } from "../../engine/engine.js";
import { scoringRows } from "../../engine/generation-batch.js";
import type { Task } from "../../tasks/task.js";
import type { Evaluation } from "../evaluate.js";
import { type PredictionRow, parsePrediction } from "../prediction.js";
import { type EncodedItem, hashItems } from "./encode-items.js";
import { scoredTokens } from "./encode-pair.js";
import { gradeChoices, scoreChoice } from "./score-choices.js";

export interface ChoiceJob {
  readonly task: Task;
  readonly items: readonly EncodedItem[];
  /** Examples before each question. */
  readonly shots: number;
  readonly adapter: AdapterHandle | null;
  /** Names the adapter's numbers; null for the base model. */
  readonly adapterHash: string | null;
  /** Gets predictions.jsonl. */
  readonly folder: string;
  /** For progress (`evaluate sdft on hellaswag`). */
  readonly stage: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Questions of one call: each call's rows are kept, and questions that begin alike share their beginnings within one. */
const questionsAtOnce = 32;

export function choiceHash(engine: Pick<Engine, "fingerprint">, job: ChoiceJob): string {
  return contentHash({
    stage: "evaluate choices",
    engine: engine.fingerprint,
    adapter: job.adapterHash,
    task: job.task.name,
    rows: hashItems(job.items),
  });
}

/** Scores all answers, grades and writes `folder/predictions.jsonl`. */
export async function evaluateChoices(engine: Engine, job: ChoiceJob): Promise<Evaluation> {
  const reporter = job.reporter ?? silentReporter;
  const path = join(job.folder, "predictions.partial.jsonl");
  const journal = await openJournal(path, choiceHash(engine, job), parsePrediction, computedBy(engine, reporter));
  const done = new Map(journal.earlier.map((row) => [row.id, row]));
  const open = job.items.filter(({ item }) => !done.has(item.id));
  let tokens = 0;
  for (let start = 0; start < open.length; start += questionsAtOnce) {
    throwIfInterrupted(
      job.signal,
      "Evaluation was interrupted and what is scored was kept: run the same command again.",
    );
    const together = open.slice(start, start + questionsAtOnce);
    for (const row of await scoreItems(engine, job, together)) {
      done.set(row.id, row);
      journal.append(row);
    }
    for (const { pairs } of together)
      for (const { context, continuation } of pairs) tokens += context.length + continuation.length;
    reporter.progress({ stage: job.stage, done: done.size, total: job.items.length, unit: "questions", tokens });
  }
  const evaluation = gradeChoices(
    job.task,
    job.items.flatMap(({ item }) => done.get(item.id) ?? []),
  );
  await writeJsonLines(join(job.folder, "predictions.jsonl"), evaluation.predictions);
  await journal.remove();
  return evaluation;
}

async function scoreItems(engine: Engine, job: ChoiceJob, items: readonly EncodedItem[]): Promise<PredictionRow[]> {
  const longest = mostScored(engine.spec);
  const requests = items.flatMap(({ item: { id }, pairs }) =>
    pairs.map((pair) => ({ id, ...scoredTokens(pair, { id, longest }) })),
  );
  const scores = await engine.score(requests, { adapter: job.adapter, signal: job.signal, rowsPerStep: scoringRows });
  let next = 0;
  return items.map(({ item, pairs }) => {
    const own = scores.slice(next, next + pairs.length);
    next += pairs.length;
    const loglikelihoods = own.map((values) => [...values].reduce((sum, value) => sum + value, 0));
    const choices = { texts: item.choices, loglikelihoods, gold: item.gold, part: item.part };
    const { best } = scoreChoice(job.task.choice ?? { scoring: "best", byLength: false }, choices);
    return {
      id: item.id,
      prompt: item.requests[0]?.context ?? "",
      output: item.choices[best] ?? "",
      label: item.choices[item.gold[0] ?? 0] ?? null,
      correct: null,
      finish: null,
      tokens: null,
      choices,
    };
  });
}
