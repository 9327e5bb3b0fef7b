// CSV with a header line, by csv-parse. Every value is a string.

import { CsvError, parse } from "csv-parse/sync";
import { InputError } from "../base/error.js";
import type { RowTable } from "./row-table.js";

export function parseCsvRows(path: string, text: string, delimiter: "," | "\t"): RowTable {
  const records = parseRecords(path, text, delimiter);
  const [header, ...rows] = records;
  if (header === undefined) throw new InputError("file_empty", `The data file ${path} is empty.`);
  const names = header.values;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new InputError(
      "data_shape",
      `${path}, line 1: the column ${JSON.stringify(twice)} stands twice in the header.`,
    );
  return {
    rows: rows.map(({ values, line }) => {
      if (values.length !== names.length) {
        throw new InputError(
          "data_shape",
          `${path}, line ${line}: expected ${names.length} values (${names.join(", ")}) but found ${values.length}.`,
        );
      }
      return Object.fromEntries(names.map((name, index) => [name, values[index]]));
    }),
    lineOf: (index) => rows[index]?.line ?? null,
  };
}

interface CsvRecord {
  readonly values: readonly string[];
  /** Line on which the record starts. */
  readonly line: number;
}

function parseRecords(path: string, text: string, delimiter: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  // csv-parse counts a line break inside quotes twice when it is CR LF.
  let surplus = 0;
  let line = 1;
  try {
    parse(text, {
      delimiter,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (values: string[], { lines }) => {
        const inside = values.join("");
        surplus += countOf(inside, "\r\n");
        line = lines - surplus - countOf(inside, "\n");
        records.push({ values, line });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const place = typeof error.lines === "number" ? error.lines - surplus : line;
    throw new InputError("csv_syntax", `${path}, line ${place}: not valid CSV: ${error.message}.`, { cause: error });
  }
  return records;
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}
