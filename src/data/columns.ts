// Columns of a row as text, and the errors that name what is wrong with one.

import { InputError } from "../base/error.js";
import { describe } from "../formats/json.js";
import type { Row } from "../formats/row-table.js";

/** A column that must be there; numbers and booleans become text. */
export function requireText(row: Row, column: string, place: string): string {
  const value = row[column];
  if (value === undefined || value === null) throw missingColumn(row, column, place);
  return toText(value, column, place);
}

/** A column that may be absent or null: an empty text then. */
export function optionalText(row: Row, column: string | null, place: string): string {
  const value = column === null ? undefined : row[column];
  return column === null || value === undefined || value === null ? "" : toText(value, column, place);
}

function toText(value: unknown, column: string, place: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw columnError(place, column, "a string", value);
}

/** An error for a column that a row lacks (or has as null). */
export function missingColumn(row: Row, column: string, place: string): InputError {
  const found = Object.hasOwn(row, column) ? "it is null" : `it has only ${Object.keys(row).join(", ")}`;
  return new InputError("data_column", `${place}: expected the column ${JSON.stringify(column)}, but ${found}.`);
}

/** An error for a column of the wrong kind. */
export function columnError(place: string, column: string, expected: string, value: unknown): InputError {
  return new InputError(
    "data_value",
    `${place}: expected ${expected} in the column ${JSON.stringify(column)} but found ${describe(value)}.`,
  );
}
