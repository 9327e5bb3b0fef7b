// Everything a report shows, read from a run folder's files alone, so that every number leads back to rows.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { InputError } from "../base/error.js";
import { firstAnswers, type PredictionRow, parsePrediction, parseScore, type ScoreRow } from "../eval/prediction.js";
import { exists } from "../formats/open-file.js";
import { countPairs, mcnemarExact, type PairedCounts } from "../metrics/statistics.js";
import { type LogRow, readLog } from "../train/log.js";
import { type RunManifest, readManifest } from "./manifest.js";

export const variantNames = ["seed", "vanilla", "sdft"] as const;
export type VariantName = (typeof variantNames)[number];

/** What a variant changed on a task, against the seed on the same rows. */
export interface Comparison extends PairedCounts {
  readonly task: string;
  readonly variant: VariantName;
  /** McNemar's exact two-sided probability. */
  readonly p: number;
}

/** How many rewrites were kept, and why the others were not. */
export interface RewriteYield {
  readonly total: number;
  readonly kept: number;
  /** By rule, most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
}

/** A row of distilled.jsonl. */
const distilledSchema = z.object({
  id: z.string(),
  instruction: z.string(),
  original: z.string(),
  response: z.string(),
  source: z.enum(["model", "original"]),
  reason: z.string().nullable(),
  finish: z.enum(["stop", "length"]).nullable(),
});

export interface DistilledAuditRow extends z.output<typeof distilledSchema> {
  /** The first rewrite, where the original was kept. */
  readonly rejected: string | null;
  /** Every rewrite of the row, by sample. */
  readonly attempts: readonly RewriteAttempt[];
}

/** One rewrite and what was decided of it. */
export interface RewriteAttempt {
  readonly sample: number;
  readonly text: string;
  /** Null for one that was not judged, since an earlier one was taken. */
  readonly verdict: {
    /** Null for an accepted one. */
    readonly rule: string | null;
    readonly detail: string | null;
    /** Mean log-probability per token under the seed model, where it was asked for. */
    readonly logprob: number | null;
    readonly chosen: boolean;
  } | null;
}

/** A row of rewrites.jsonl. */
const rewriteSchema = z.object({ id: z.string(), sample: z.number(), text: z.string() });

/** A row of verdicts.jsonl; runs of before there were any have no such file. */
const verdictSchema = z.object({
  id: z.string(),
  sample: z.number(),
  rule: z.string().nullable(),
  detail: z.string().nullable(),
  logprob: z.number().nullable(),
  chosen: z.boolean(),
});

/** How far one answer of a trained model lies from the seed's: a row of shift/rows.jsonl. */
const shiftSchema = z.object({
  id: z.string(),
  bleu4: z.number(),
  rouge_l: z.number(),
  /** Null where no encoder could be had. */
  similarity: z.number().nullable(),
});

export type ShiftRow = z.output<typeof shiftSchema>;

export interface TaskPredictions {
  readonly variant: VariantName;
  readonly task: string;
  readonly rows: readonly PredictionRow[];
}

export interface RunSummary {
  readonly folder: string;
  readonly name: string;
  readonly manifest: RunManifest;
  readonly config: Readonly<Record<string, unknown>>;
  readonly scores: readonly ScoreRow[];
  readonly variants: readonly VariantName[];
  /** Those with answers; shift and gap are measures beside them. */
  readonly tasks: readonly string[];
  readonly yield: RewriteYield | null;
  readonly comparisons: readonly Comparison[];
  readonly logs: readonly { readonly variant: VariantName; readonly rows: readonly LogRow[] }[];
  readonly predictions: readonly TaskPredictions[];
  readonly shifts: readonly { readonly variant: VariantName; readonly rows: readonly ShiftRow[] }[];
  readonly distilled: readonly DistilledAuditRow[];
}

/** The folders straight below that are runs or studies, as below the `--out` of `sdft reproduce`. */
async function reportableIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const kept = await Promise.all(
    names.map(
      async (name) =>
        (await exists(join(folder, name, "study.yaml"))) || (await exists(join(folder, name, "manifest.json"))),
    ),
  );
  return names.filter((_, index) => kept[index]).sort();
}

/** Reads a run folder; an error where it is none or was written by a newer version. */
export async function readRun(folder: string): Promise<RunSummary> {
  const manifest = await readManifest(folder);
  if (manifest === null) {
    const within = await reportableIn(folder);
    const mend =
      within.length > 0
        ? `name a folder in it: ${within.join(", ")}.`
        : 'make one with "sdft run" or "sdft reproduce".';
    throw new InputError(
      "run_missing",
      `Expected a run folder with a manifest.json, or a study's with a study.yaml, at ${folder} but there is neither; ${mend}`,
    );
  }
  const config = await readConfig(join(folder, "run.yaml"));
  const scores = await readRows(join(folder, "scores.jsonl"), parseScore);
  const variants = variantNames.filter((variant) => scores.some((score) => score.variant === variant));
  const predictions = (await readAllPredictions(folder)).filter((one) => belongs(one, config));
  // Scores of a part (a subject of MMLU) stand in scores.jsonl; the table has the whole.
  const isPart = (task: string): boolean =>
    predictions.some((one) => one.task === "mmlu") &&
    task.startsWith("mmlu_") &&
    !predictions.some((one) => one.task === task);
  const scored = scores.map((score) => score.task).filter((task) => !isPart(task));
  const tasks = [...new Set([...scored, ...predictions.map((one) => one.task)])].filter((task) => !isMeasure(task));
  const logs = [];
  const shifts = [];
  for (const variant of variantNames) {
    const rows = await readLog(join(folder, variant, "log.jsonl"));
    if (rows.length > 0) logs.push({ variant, rows });
    const shift = await readRows(
      join(folder, variant, "shift", "rows.jsonl"),
      (row) => shiftSchema.safeParse(row).data ?? null,
    );
    if (shift.length > 0) shifts.push({ variant, rows: shift });
  }
  const distilled = await readDistilled(join(folder, "sdft"));
  return {
    folder,
    name: typeof config.name === "string" ? config.name : folder,
    manifest,
    config,
    scores,
    variants,
    tasks,
    yield: distilled.length === 0 ? null : countYield(distilled),
    comparisons: compareWithSeed(predictions),
    logs,
    predictions,
    shifts,
    distilled,
  };
}

/** Counts what distilled.jsonl says. */
export function countYield(
  rows: readonly { readonly source: "model" | "original"; readonly reason: string | null }[],
): RewriteYield {
  const counts = new Map<string, number>();
  for (const { reason } of rows) if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const reasons = [...counts].map(([reason, count]) => ({ reason, count }));
  reasons.sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
  return { total: rows.length, kept: rows.filter((row) => row.source === "model").length, reasons };
}

/** Joins each variant's verdicts with the seed's by id. */
export function compareWithSeed(predictions: readonly TaskPredictions[]): Comparison[] {
  const comparisons: Comparison[] = [];
  for (const { variant, task, rows } of predictions) {
    if (variant === "seed") continue;
    const seed = predictions.find((other) => other.variant === "seed" && other.task === task);
    if (seed === undefined) continue;
    const before = new Map(firstAnswers(seed.rows).map((row) => [row.id, row.correct]));
    const pairs = firstAnswers(rows).flatMap((row) => {
      const verdict = before.get(row.id);
      if (row.correct === null || verdict === undefined || verdict === null) return [];
      return [{ before: verdict, after: row.correct }];
    });
    if (pairs.length === 0) continue;
    const counts = countPairs(pairs);
    comparisons.push({ task, variant, ...counts, p: mcnemarExact(counts.lost, counts.gained) });
  }
  return comparisons;
}

/** Rows of a task or variant that the configuration no longer has are leftovers of an earlier one. */
function belongs(
  { variant, task }: TaskPredictions,
  { variants, evaluate }: Readonly<Record<string, unknown>>,
): boolean {
  const named = (entry: unknown): boolean =>
    typeof entry === "object" && entry !== null && "task" in entry && entry.task === task;
  return (
    !(Array.isArray(variants) && !variants.includes(variant)) && !(Array.isArray(evaluate) && !evaluate.some(named))
  );
}

async function readAllPredictions(folder: string): Promise<TaskPredictions[]> {
  const all: TaskPredictions[] = [];
  for (const variant of variantNames) {
    const entries = await readdir(join(folder, variant), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const rows = await readRows(join(folder, variant, entry.name, "predictions.jsonl"), parsePrediction);
      if (rows.length > 0) all.push({ variant, task: entry.name, rows });
    }
  }
  return all;
}

/** Rows of a JSON Lines file; none where there is no such file. */
export async function readRows<Row>(path: string, parse: (value: unknown) => Row | null): Promise<Row[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, index) => {
      const row = parse(parseJson(line));
      if (row === null)
        throw new InputError(
          "run_damaged",
          `Line ${index + 1} of ${path} is not a row of that file; run the experiment again.`,
        );
      return row;
    });
}

async function readDistilled(folder: string): Promise<DistilledAuditRow[]> {
  const read = <Row>(name: string, schema: z.ZodType<Row>): Promise<Row[]> =>
    readRows(join(folder, name), (value) => schema.safeParse(value).data ?? null);
  const verdicts = new Map(
    (await read("verdicts.jsonl", verdictSchema)).map(({ id, sample, ...verdict }) => [`${sample} ${id}`, verdict]),
  );
  const attempts = new Map<string, RewriteAttempt[]>();
  for (const { id, sample, text } of await read("rewrites.jsonl", rewriteSchema)) {
    const own = attempts.get(id) ?? [];
    own.push({ sample, text, verdict: verdicts.get(`${sample} ${id}`) ?? null });
    attempts.set(id, own);
  }
  return (await read("distilled.jsonl", distilledSchema)).map((row) => {
    const own = (attempts.get(row.id) ?? []).sort((a, b) => a.sample - b.sample);
    return { ...row, rejected: row.source === "model" ? null : (own[0]?.text ?? null), attempts: own };
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  const value: unknown = parseYaml(await readFile(path, "utf8").catch(() => ""));
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Whether rows of that task in scores.jsonl are no share of answers but how far the model moved, or log-probabilities. */
export function isMeasure(task: string): boolean {
  return task === "shift" || task === "gap";
}
