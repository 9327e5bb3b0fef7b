// Writes small made-up studies for the report's tests: folders as `study` leaves them, with texts that try to break out of the page.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import type { PredictionRow, ScoreRow } from "../../../src/eval/prediction.js";
import type { MissingRow } from "../../../src/report/study/read-study.js";
import { summary } from "../summary.js";

/** Everything a model should not be able to do to the page. */
export const attack = `</script><script>window.broken = "script"</script><img src=x onerror="window.broken = 'image'"><svg onload="window.broken='svg'"> <!-- ]]> \u202eright to left\u202c \u0007 \u2028`;

export type Key = Omit<ScoreRow, "task" | "metric" | "value" | "n" | "low" | "high">;

export const seedKey: Key = {
  variant: "seed",
  dataset: null,
  template: "alpaca",
  distill_template: null,
  mix_ratio: null,
  samples: null,
  rank: null,
  seed: 0,
};

export function trainedKey(variant: "vanilla" | "sdft", dataset: string, more: Partial<Key> = {}): Key {
  const own = variant === "sdft" ? { distill_template: "using", mix_ratio: 1 } : {};
  return { ...seedKey, variant, dataset, samples: 64, rank: 8, ...own, ...more };
}

export function score(key: Key, task: string, metric: string, value: number, more: Partial<ScoreRow> = {}): ScoreRow {
  return { ...key, task, metric, value, n: 8, low: value * 0.8, high: value + 0.2 * (1 - value), ...more };
}

export function gap(key: Key, task: string, metric: string, reason: string): MissingRow {
  return { ...key, task, metric, reason };
}

/** Answers whose verdicts are given, `1` right and `0` wrong. */
export function answers(verdicts: string, output = "The answer is 7."): PredictionRow[] {
  return [...verdicts].map((verdict, index) => ({
    id: `q${index}`,
    prompt: `Question ${index}: how many apples are in basket ${index}?`,
    output: index === 1 ? attack : `${output} (row ${index})`,
    label: "7",
    correct: verdict === "1",
    finish: index === 3 ? "length" : "stop",
    tokens: 6,
  }));
}

export interface MadeUpRun {
  readonly scores: readonly ScoreRow[];
  /** By variant and task. */
  readonly answers?: Readonly<Record<string, Readonly<Record<string, readonly PredictionRow[]>>>>;
  readonly shift?: Readonly<Record<string, readonly number[]>>;
  readonly rewrites?: number;
  readonly losses?: Readonly<Record<string, readonly number[]>>;
}

export interface MadeUpStudy {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly scores: readonly ScoreRow[];
  readonly missing?: readonly MissingRow[];
  readonly runs?: Readonly<Record<string, MadeUpRun>>;
}

export function writeStudy(folder: string, study: MadeUpStudy): string {
  writeText(join(folder, "study.yaml"), stringify(study.settings));
  writeLines(join(folder, "scores.jsonl"), study.scores);
  writeLines(join(folder, "missing.jsonl"), study.missing ?? []);
  for (const [name, run] of Object.entries(study.runs ?? {})) writeRun(join(folder, "runs", name), name, run);
  return folder;
}

function writeRun(folder: string, name: string, run: MadeUpRun): void {
  writeText(join(folder, "manifest.json"), JSON.stringify(summary.manifest));
  writeText(join(folder, "run.yaml"), stringify({ name }));
  writeLines(join(folder, "scores.jsonl"), run.scores);
  for (const [variant, tasks] of Object.entries(run.answers ?? {}))
    for (const [task, rows] of Object.entries(tasks))
      writeLines(join(folder, variant, task, "predictions.jsonl"), rows);
  for (const [variant, values] of Object.entries(run.shift ?? {}))
    writeLines(
      join(folder, variant, "shift", "rows.jsonl"),
      values.map((similarity, index) => ({
        id: `q${index}`,
        bleu4: similarity / 2,
        rouge_l: similarity / 1.5,
        similarity,
      })),
    );
  for (const [variant, losses] of Object.entries(run.losses ?? {}))
    writeLines(
      join(folder, variant, "log.jsonl"),
      losses.map((loss, index) => ({
        step: index + 1,
        loss,
        grad_norm: 1,
        learning_rate: 1e-4,
        tokens: 100,
        tokens_per_second: 50,
        time: index,
      })),
    );
  if (run.rewrites !== undefined) writeRewrites(folder, run.rewrites);
}

/** Every third is kept, the others are rejected by one rule or another; the second holds the attack. */
function writeRewrites(folder: string, count: number): void {
  const rows = Array.from({ length: count }, (_, index) => {
    const original = `Take ${index} apples, add two, and you have ${index + 2} of them.`;
    const rewrite =
      index === 1 ? attack : `If you take ${index} apples and then add two more, you have ${index + 2} of them. Easy!`;
    const reason = index % 3 === 0 ? null : index % 3 === 1 ? "wrong-answer" : "not-ended";
    return { id: String(index), original, rewrite, reason };
  });
  writeLines(
    join(folder, "sdft", "distilled.jsonl"),
    rows.map(({ id, original, rewrite, reason }) => ({
      id,
      instruction: `How many apples are there in case ${id}?`,
      original,
      response: reason === null ? rewrite : original,
      source: reason === null ? "model" : "original",
      reason,
      finish: reason === "not-ended" ? "length" : "stop",
    })),
  );
  writeLines(
    join(folder, "sdft", "rewrites.jsonl"),
    rows.map(({ id, rewrite }) => ({ id, sample: 0, text: rewrite, finish: "stop", tokens: [1] })),
  );
}

function writeLines(path: string, rows: readonly unknown[]): void {
  writeText(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
