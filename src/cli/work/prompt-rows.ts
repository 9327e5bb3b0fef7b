// The rows that `generate` and `score` read, parsed with their line for messages.
import { InputError } from "../../base/error.js";
import { parseJsonLines } from "../../formats/jsonl.js";
import { readText } from "../../formats/open-file.js";
import type { Row } from "../../formats/row-table.js";

export interface InputRow {
  /** The row's own, or its zero-based index. */
  readonly id: string;
  readonly row: Row;
  /** `rows.jsonl, line 3`. */
  readonly place: string;
}

export async function readInputRows(path: string): Promise<InputRow[]> {
  const text = await readText("JSONL file", path);
  const table = parseJsonLines(path, text);
  if (table.rows.length === 0)
    throw new InputError("empty_data", `Expected at least one row in ${path} but it is empty.`);
  const seen = new Set<string>();
  return table.rows.map((row, index) => {
    const id = typeof row.id === "string" || typeof row.id === "number" ? String(row.id) : String(index);
    const place = `${path}, line ${table.lineOf(index) ?? index + 1}`;
    if (seen.has(id))
      throw new InputError("duplicate_id", `Expected each id once but "${id}" stands again at ${place}.`);
    seen.add(id);
    return { id, row, place };
  });
}

/** Token ids of a column, checked against the vocabulary; null where the row has no such column. */
export function tokensOf({ row, place }: InputRow, vocabSize: number): Int32Array | null {
  const value = row.tokens ?? row.input_ids;
  if (value === undefined || value === null) return null;
  const fits = (item: unknown): item is number =>
    Number.isInteger(item) && Number(item) >= 0 && Number(item) < vocabSize;
  if (Array.isArray(value) && value.length > 0 && value.every(fits)) return Int32Array.from(value);
  throw new InputError(
    "tokens",
    `Expected a list of token ids from 0 to ${vocabSize - 1} in column "tokens" at ${place} but found something else.`,
  );
}

export function textOf({ row, place }: InputRow, column: string): string | null {
  const value = row[column];
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  throw new InputError(
    "column",
    `Expected a text in column "${column}" at ${place} but found ${JSON.stringify(value)}.`,
  );
}
