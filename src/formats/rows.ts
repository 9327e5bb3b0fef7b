// Rows of a data file of any format we read. Every row is an object; where the format has lines, a row knows the line it starts on.

import { extname } from "node:path";
import { InputError } from "../base/error.js";
import { parseCsvRows } from "./csv.js";
import { arrayElementLines, describe, isRecord, parseJson } from "./json.js";
import { parseJsonLines } from "./jsonl.js";
import { decodeText, readBytes } from "./open-file.js";
import { parseParquetRows } from "./parquet.js";
import type { RowTable } from "./row-table.js";

/** File name endings that readRows knows. */
export const ROW_FILE_ENDINGS = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"] as const;

/** Reads a data file by its ending; errors name file and line, and a file without rows is an error. */
export async function readRows(path: string): Promise<RowTable> {
  return parseRows(path, await readBytes("data file", path));
}

/** The content of a data file already read. */
export async function parseRows(path: string, bytes: Uint8Array): Promise<RowTable> {
  const table = await parseTable(path, bytes);
  if (table.rows.length === 0) throw new InputError("data_empty", `The data file ${path} has no rows.`);
  return table;
}

async function parseTable(path: string, bytes: Uint8Array): Promise<RowTable> {
  if (bytes.length === 0) throw new InputError("file_empty", `The data file ${path} is empty.`);
  const ending = extname(path).toLowerCase();
  switch (ending) {
    case ".json":
      return parseJsonRows(path, decodeText("data file", path, bytes));
    case ".jsonl":
    case ".ndjson":
      return parseJsonLines(path, decodeText("data file", path, bytes));
    case ".csv":
      return parseCsvRows(path, decodeText("data file", path, bytes), ",");
    case ".tsv":
      return parseCsvRows(path, decodeText("data file", path, bytes), "\t");
    case ".parquet":
      return parseParquetRows(path, bytes);
    default:
      throw new InputError(
        "data_format",
        `The data file ${path} ends in ${ending === "" ? "nothing" : ending}; known endings are ${ROW_FILE_ENDINGS.join(", ")}.`,
      );
  }
}

/** An array of objects; a .json file that holds one object a line is read as such. */
function parseJsonRows(path: string, text: string): RowTable {
  if (text.trimStart().startsWith("{") && looksLikeLines(text)) return parseJsonLines(path, text);
  const value = parseJson("data file", path, text);
  if (!Array.isArray(value)) {
    throw new InputError("data_shape", `Expected an array of rows in ${path} but found ${describe(value)}.`);
  }
  let lines: number[] | null = null;
  const lineOf = (index: number): number | null => {
    lines ??= arrayElementLines(text);
    return lines[index] ?? null;
  };
  const rows = value.map((row: unknown, index) => {
    if (isRecord(row)) return row;
    throw new InputError(
      "data_shape",
      `${path}, row ${index + 1}, line ${lineOf(index)}: expected an object but found ${describe(row)}.`,
    );
  });
  return { rows, lineOf };
}

function looksLikeLines(text: string): boolean {
  const first = text.trimStart().split("\n", 1)[0] ?? "";
  return first.trimEnd().endsWith("}");
}
