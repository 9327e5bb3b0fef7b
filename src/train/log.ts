// log.jsonl: one row for each update, appended as training goes and cut back to the checkpoint when it resumes.
import { appendFile, readFile } from "node:fs/promises";
import { z } from "zod";
import { writeError, writeJsonLines } from "../base/write-file.js";

const logRow = z.object({
  /** Updates done, from 1. */
  step: z.number(),
  /** Mean over the labelled tokens of the update's batch. */
  loss: z.number(),
  /** Norm before clipping. */
  grad_norm: z.number(),
  learning_rate: z.number(),
  /** Tokens of the update's batch. */
  tokens: z.number(),
  tokens_per_second: z.number(),
  /** Seconds of training so far, interruptions left out. */
  time: z.number(),
});

export type LogRow = z.output<typeof logRow>;

/** Rows of a log; none where there is no file. A last line that was cut off is left out. */
export async function readLog(path: string): Promise<LogRow[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return [];
  }
  const rows: LogRow[] = [];
  for (const line of text.split("\n")) {
    const row = parseLine(line);
    if (row !== null) rows.push(row);
  }
  return rows;
}

/** Keeps the rows up to `step` and returns them. */
export async function truncateLog(path: string, step: number): Promise<LogRow[]> {
  const rows = (await readLog(path)).filter((row) => row.step <= step);
  await writeJsonLines(path, rows);
  return rows;
}

export async function appendLog(path: string, row: LogRow): Promise<void> {
  try {
    await appendFile(path, `${JSON.stringify(row)}\n`);
  } catch (cause) {
    throw writeError(path, cause);
  }
}

function parseLine(line: string): LogRow | null {
  try {
    const parsed = logRow.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
