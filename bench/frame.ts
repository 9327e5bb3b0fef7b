// What every bench does around its cases: a folder that is gone afterwards, a sentence and a status where it fails, rows printed and kept.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SdftError } from "#sdft/base/error.js";
import { type Contestant, measureInTurn } from "#sdft/bench/contestant.js";
import { describeRows, type Row, summarise } from "#sdft/bench/measurement.js";
import { commitName } from "./checkout.js";
import { keepRows } from "./kept-rows.js";

export interface MeasuredCase {
  readonly name: string;
  readonly machine: string;
  readonly contestants: readonly Contestant[];
  readonly ratios: (rows: readonly Row[]) => readonly Row[];
}

export interface Handling {
  readonly rounds: number;
  /** Whether rows go to bench/results. */
  readonly keep: boolean;
  /** One JSON array at the end instead of lines after each case. */
  readonly json: boolean;
}

/** To stderr: stdout is for rows. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs the bench in a temporary folder. An error is said in its one sentence, and the status is its own, else 1. */
export async function runBench(
  { json }: Pick<Handling, "json">,
  run: (folder: string) => Promise<readonly Row[]>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sdft-bench-"));
  try {
    const rows = await run(folder);
    if (json) process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof SdftError ? error.exitStatus : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The figures of a case's contestants, taken in turn, and their ratios. */
export async function measureCase(
  { name, machine, contestants, ratios }: MeasuredCase,
  { rounds, keep, json }: Handling,
): Promise<readonly Row[]> {
  const measured = await measureInTurn(contestants, { rounds, say });
  const date = `${new Date().toISOString().slice(0, 19)}Z`;
  const figures = summarise({ date, commit: commitName(), machine, case: name }, measured);
  const rows = [...figures, ...ratios(figures)];
  if (keep) await keepRows(rows);
  if (!json) process.stdout.write(`${describeRows(rows).join("\n")}\n`);
  return rows;
}
