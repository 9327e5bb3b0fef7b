// A study's folder as plain data: its settings, every cell's score or why it is missing, and the runs that lie behind them.
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { InputError } from "../../base/error.js";
import { parseScore, type ScoreKey, type ScoreRow } from "../../eval/prediction.js";
import { type RunSummary, readRows, readRun } from "../run-summary.js";

/** A cell without a number. */
export interface MissingRow extends ScoreKey {
  readonly metric: string;
  readonly reason: string;
}

export interface StudyRun {
  /** The folder's name among the study's runs. */
  readonly name: string;
  readonly summary: RunSummary;
}

export interface Study {
  readonly folder: string;
  readonly name: string;
  /** `table1`, `fig5`; null for a study that is none of the paper's. */
  readonly paper: string | null;
  /** What must stand on everything that is shown, such as `smoke`. */
  readonly label: string | null;
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly scores: readonly ScoreRow[];
  readonly missing: readonly MissingRow[];
  readonly runs: readonly StudyRun[];
}

const configSchema = z.looseObject({
  name: z.string(),
  paper: z.string().nullable().default(null),
  label: z.string().nullable().default(null),
  model: z.string(),
  /** Relative to the study's folder; several studies may share it. */
  runs_folder: z.string().default("runs"),
  /** The study's own among them; all where left out. */
  runs: z.array(z.string()).nullable().default(null),
});

/** Whether the folder holds a study; a run folder holds none. */
export async function holdsStudy(folder: string): Promise<boolean> {
  return (await readFile(join(folder, "study.yaml"), "utf8").catch(() => null)) !== null;
}

/** Reads a study's folder as far as it has come. */
export async function readStudy(folder: string): Promise<Study> {
  const config = await readConfig(folder);
  return {
    folder,
    name: config.name,
    paper: config.paper,
    label: config.label,
    model: config.model,
    config,
    scores: await readRows(join(folder, "scores.jsonl"), parseScore),
    missing: await readRows(join(folder, "missing.jsonl"), parseMissing),
    runs: await readRuns(resolve(folder, config.runs_folder), config.runs),
  };
}

async function readConfig(folder: string): Promise<z.output<typeof configSchema>> {
  const path = join(folder, "study.yaml");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new InputError(
      "study_missing",
      `Expected a study's folder with a study.yaml at ${folder} but there is none.`,
      {
        cause,
      },
    );
  });
  const parsed = configSchema.safeParse(readYaml(text));
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new InputError("study_damaged", `${path} is not a study's settings (${why}); run the study again.`);
}

function readYaml(text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    return null;
  }
}

/** A score's key, its metric and the reason; the number and its interval are what is not there. */
function parseMissing(value: unknown): MissingRow | null {
  if (typeof value !== "object" || value === null || !("reason" in value) || typeof value.reason !== "string")
    return null;
  const row = parseScore({ ...value, value: 0, n: 0, low: 0, high: 0 });
  if (row === null) return null;
  const { value: _value, n: _n, low: _low, high: _high, ...key } = row;
  return { ...key, reason: value.reason };
}

async function readRuns(folder: string, wanted: readonly string[] | null): Promise<StudyRun[]> {
  const runs: StudyRun[] = [];
  for (const name of wanted ?? (await foldersIn(folder))) {
    const path = join(folder, name);
    // A run that has not begun has no manifest yet.
    if ((await readFile(join(path, "manifest.json")).catch(() => null)) === null) continue;
    runs.push({ name, summary: await readRun(path) });
  }
  return runs;
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
