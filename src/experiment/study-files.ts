// The files of a study's folder and of its run folders, written anew as each cell ends; a shared run folder keeps what other studies put there.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { writeJsonLines, writeWholeFile } from "../base/write-file.js";
import { parseScore, type ScoreRow } from "../eval/prediction.js";
import { isRecord } from "../formats/json.js";
import { writtenTraining } from "../train/config.js";
import type { Experiment } from "./schema.js";
import type { CellKey } from "./study-names.js";
import type { PlannedRun } from "./study-plan.js";
import type { Study } from "./study-schema.js";

/** A row of missing.jsonl: a cell without a number, and why. */
export interface MissingScore extends CellKey {
  readonly task: string;
  readonly metric: string;
  readonly reason: string;
}

export async function writeStudySettings(
  folder: string,
  study: Study,
  more: { readonly model: string; readonly runs: readonly string[] },
): Promise<void> {
  const settings = { ...study.settings, ...more };
  await writeWholeFile(join(folder, "study.yaml"), stringify(settings));
}

/** `label` stands on every row of a smoke study. */
export async function writeStudyScores(
  folder: string,
  rows: { readonly scores: readonly ScoreRow[]; readonly missing: readonly MissingScore[] },
  label: string | null,
): Promise<void> {
  const mark = (row: object): object => (label === null ? row : { ...row, label });
  await writeJsonLines(join(folder, "scores.jsonl"), rows.scores.map(mark));
  await writeJsonLines(join(folder, "missing.jsonl"), rows.missing.map(mark));
}

/** An ordinary experiment's run.yaml of one variant, with the tests that other studies made of the same run. */
export async function writeRunSettings(folder: string, run: PlannedRun, label: string | null): Promise<void> {
  const path = join(folder, "run.yaml");
  const earlier: unknown = parse(await readFile(path, "utf8").catch(() => "null"));
  const own = run.experiment.evaluate;
  const others = isRecord(earlier) && Array.isArray(earlier.evaluate) ? earlier.evaluate.filter(isEntry) : [];
  const settings: Experiment = {
    ...run.experiment,
    name: label === null ? run.name : `${run.name} (${label})`,
    variants: [run.variant],
    train: writtenTraining(run.training?.training ?? run.experiment.train),
    evaluate: [...own, ...others.filter((entry) => !own.some(({ task }) => task === entry.task))],
  };
  await writeWholeFile(path, stringify(settings));
}

/** This study's rows in place of earlier ones of the same cell, task and metric; other studies' rows stay. */
export async function writeRunScores(folder: string, rows: readonly ScoreRow[], label: string | null): Promise<void> {
  const path = join(folder, "scores.jsonl");
  const earlier = (await readFile(path, "utf8").catch(() => ""))
    .split("\n")
    .filter((line) => line.trim() !== "")
    .flatMap((line) => parseScore(JSON.parse(line)) ?? []);
  const name = ({ value: _v, n: _n, low: _l, high: _h, ...key }: ScoreRow): string =>
    JSON.stringify(Object.entries(key).sort());
  const fresh = new Set(rows.map(name));
  const all = [...earlier.filter((row) => !fresh.has(name(row))), ...rows];
  await writeJsonLines(
    path,
    all.map((row) => (label === null ? row : { ...row, label })),
  );
}

function isEntry(value: unknown): value is Experiment["evaluate"][number] {
  return isRecord(value) && typeof value.task === "string";
}
