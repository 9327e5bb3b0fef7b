// Rows of a data set that may lie in several files, with the place of each for messages.

import { createHash } from "node:crypto";
import { readBytes } from "../formats/open-file.js";
import type { Row } from "../formats/row-table.js";
import { parseRows } from "../formats/rows.js";

export interface SourceRows {
  readonly rows: readonly Row[];
  /** SHA-256 of the files' bytes, one after the other. */
  readonly sha256: string;
  /** `data.json, row 3, line 14`. Rows count from 1. */
  place(index: number): string;
}

/** Reads the files in the order given. */
export async function readSourceRows(paths: readonly string[]): Promise<SourceRows> {
  const hash = createHash("sha256");
  const rows: Row[] = [];
  const parts: { path: string; start: number; lineOf: (index: number) => number | null }[] = [];
  for (const path of paths) {
    const bytes = await readBytes("data file", path);
    hash.update(bytes);
    const table = await parseRows(path, bytes);
    parts.push({ path, start: rows.length, lineOf: (index) => table.lineOf(index) });
    for (const row of table.rows) rows.push(row);
  }
  const place = (index: number): string => {
    const part = parts.findLast(({ start }) => start <= index);
    if (part === undefined) return `row ${index + 1}`;
    const line = part.lineOf(index - part.start);
    return `${part.path}, row ${index - part.start + 1}${line === null ? "" : `, line ${line}`}`;
  };
  return { rows, sha256: hash.digest("hex"), place };
}
