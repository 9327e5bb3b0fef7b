// JSON Lines: one object a line; blank lines are skipped. Faults name the line and column.

import { InputError } from "../base/error.js";
import { describe, isRecord } from "./json.js";
import { findJsonFault } from "./json-fault.js";
import type { Row, RowTable } from "./row-table.js";

export function parseJsonLines(path: string, text: string): RowTable {
  const rows: Row[] = [];
  const lines: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    rows.push(parseLine(path, line, index + 1));
    lines.push(index + 1);
  }
  return { rows, lineOf: (index) => lines[index] ?? null };
}

function parseLine(path: string, text: string, line: number): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const { column, reason } = findJsonFault(text);
    throw new InputError("json_syntax", `${path}, line ${line}, column ${column}: not valid JSON: ${reason}.`, {
      cause: error,
    });
  }
  if (isRecord(value)) return value;
  throw new InputError("data_shape", `${path}, line ${line}: expected an object but found ${describe(value)}.`);
}
