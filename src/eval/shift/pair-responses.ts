// Two models' answers to the same prompts, joined by id. What doesn't belong together is an error that says how it was told.
import { InputError } from "../../base/error.js";
import type { PredictionRow } from "../prediction.js";

/** What both files of answers have of a row. */
export type Response = Pick<PredictionRow, "id" | "prompt" | "output" | "label">;

export interface ResponsePair<Row extends Response = Response> {
  readonly id: string;
  /** The seed model's. */
  readonly reference: Row;
  readonly prediction: Row;
}

/** How the two sides are called in errors. */
export interface SideNames {
  readonly reference: string;
  readonly predictions: string;
}

const plainNames: SideNames = { reference: "the reference", predictions: "the predictions" };

/** In the order of the reference. Every id must stand once on each side, with the same prompt and label where both sides have one. */
export function pairResponses<Row extends Response>(
  reference: readonly Row[],
  predictions: readonly Row[],
  names: SideNames = plainNames,
): ResponsePair<Row>[] {
  const before = rowsById(reference, names.reference);
  const after = rowsById(predictions, names.predictions);
  if (!reference.some(({ id }) => after.has(id))) {
    throw new InputError(
      "other_task",
      `No id of ${names.predictions} stands in ${names.reference} too: they answer another task; give both models' answers to the same one.`,
    );
  }
  expectEveryId(before, { side: after, name: names.predictions, other: names.reference });
  expectEveryId(after, { side: before, name: names.reference, other: names.predictions });
  const pairs = reference.flatMap((row) => {
    const prediction = after.get(row.id);
    return prediction === undefined ? [] : [{ id: row.id, reference: row, prediction }];
  });
  expectSame(pairs, "prompt", names);
  expectSame(pairs, "label", names);
  return pairs;
}

function rowsById<Row extends Response>(rows: readonly Row[], name: string): ReadonlyMap<string, Row> {
  if (rows.length === 0) throw new InputError("empty_data", `Expected at least one row in ${name} but there is none.`);
  const byId = new Map<string, Row>();
  for (const row of rows) {
    if (byId.has(row.id)) {
      throw new InputError("duplicate_id", `Expected each id once in ${name} but "${row.id}" stands there twice.`);
    }
    byId.set(row.id, row);
  }
  return byId;
}

function expectEveryId(
  ids: ReadonlyMap<string, unknown>,
  at: { readonly side: ReadonlyMap<string, unknown>; readonly name: string; readonly other: string },
): void {
  const missing = [...ids.keys()].filter((id) => !at.side.has(id));
  if (missing.length === 0) return;
  throw new InputError(
    "missing_rows",
    `Expected an answer in ${at.name} to each of the ${ids.size} rows of ${at.other} but ${missing.length} ${missing.length === 1 ? "is" : "are"} missing: ${listIds(missing)}.`,
  );
}

/** A side without prompts or labels says nothing. */
function expectSame(pairs: readonly ResponsePair[], column: "prompt" | "label", names: SideNames): void {
  const differ = pairs.filter(({ reference, prediction }) => {
    const [one, other] = [reference[column] ?? "", prediction[column] ?? ""];
    return one !== "" && other !== "" && one !== other;
  });
  if (differ.length === 0) return;
  throw new InputError(
    "other_task",
    `The ${column}s of ${differ.length} of ${pairs.length} rows in ${names.reference} and ${names.predictions} differ (${listIds(differ.map(({ id }) => id))}): both must answer the same task with the same template.`,
  );
}

/** The first few of many ids. */
function listIds(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).join(", ");
  return ids.length > 5 ? `${shown}, …` : shown;
}
