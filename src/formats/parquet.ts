// Parquet by hyparquet, with every compression it knows. 64-bit integers become numbers.

import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { InputError } from "../base/error.js";
import { isRecord } from "./json.js";
import type { Row, RowTable } from "./row-table.js";

export async function parseParquetRows(path: string, bytes: Uint8Array): Promise<RowTable> {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  let objects: Record<string, unknown>[];
  try {
    objects = await parquetReadObjects({ file: copy, compressors });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError("parquet", `${path} can't be read as Parquet: ${reason}.`, { cause: error });
  }
  return { rows: objects.map((object) => plainRow(object)), lineOf: () => null };
}

function plainRow(row: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (value === undefined) return null; // hyparquet's null of a nested column
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plainValue);
  if (ArrayBuffer.isView(value) && "length" in value)
    return Array.from(value as unknown as ArrayLike<number | bigint>, Number);
  return isRecord(value) && !(value instanceof Date) ? plainRow(value) : value;
}
