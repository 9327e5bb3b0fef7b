// Where rows are kept: bench/results/<machine>.jsonl, in the order they were measured.
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Row } from "#sdft/bench/measurement.js";
import { projectRoot } from "./checkout.js";

/** Appends rows of one machine. */
export async function keepRows(rows: readonly Row[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const results = join(projectRoot, "bench", "results");
  await mkdir(results, { recursive: true });
  await appendFile(join(results, `${first.machine}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}
