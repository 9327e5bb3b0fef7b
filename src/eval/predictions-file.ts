// Outputs made elsewhere, for `eval --predictions` and `select --predictions`: rows with an id or in order, under the names
// that LLaMA-Factory's generated_predictions.jsonl uses or our own.
import { InputError } from "../base/error.js";
import { readText } from "../formats/open-file.js";
import { type PredictionRow, parsePrediction } from "./prediction.js";

export interface ForeignPrediction {
  /** The row's own id, or its zero-based place in the file. */
  readonly id: string;
  /** Whether the row named its id itself. */
  readonly idFrom: "row" | "order";
  /** Which of several answers to the same prompt; left out where the row doesn't say. */
  readonly sample?: number;
  readonly prompt: string | null;
  readonly output: string;
  readonly label: string | null;
  readonly finish: "stop" | "length" | null;
  /** The verdict in a predictions.jsonl of ours; null where there is none. */
  readonly correct: boolean | null;
  readonly line: number;
}

/** Reads `id?, sample?, prompt?, predict|output|text, label?, finish?` from each line. */
export async function readPredictions(path: string): Promise<ForeignPrediction[]> {
  const text = await readText("file of predictions", path);
  const rows = text
    .split("\n")
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, number }, index) => parseRow(line, { path, number, index }));
  if (rows.length === 0)
    throw new InputError("empty_data", `Expected at least one prediction in ${path} but it is empty.`);
  const seen = new Map<string, number>();
  for (const row of rows) {
    const key = JSON.stringify([row.id, row.sample]);
    const before = seen.get(key);
    if (before !== undefined) {
      throw new InputError(
        "duplicate_id",
        `Expected each id once in ${path} but "${row.id}" stands on lines ${before} and ${row.line}.`,
      );
    }
    seen.set(key, row.line);
  }
  return rows;
}

function parseRow(line: string, at: { path: string; number: number; index: number }): ForeignPrediction {
  const row = parseObject(line, at);
  const output = row.predict ?? row.output ?? row.text;
  if (typeof output !== "string") {
    throw new InputError(
      "missing_column",
      `Expected a text in column "predict" or "output" on line ${at.number} of ${at.path} but found ${output === undefined ? "no such column" : JSON.stringify(output)}.`,
    );
  }
  const named = typeof row.id === "string" || typeof row.id === "number";
  return {
    id: named ? String(row.id) : String(at.index),
    idFrom: named ? "row" : "order",
    ...(typeof row.sample === "number" ? { sample: row.sample } : {}),
    prompt: typeof row.prompt === "string" ? row.prompt : null,
    output,
    label: labelText(row.label),
    finish: row.finish === "stop" || row.finish === "length" ? row.finish : null,
    correct: typeof row.correct === "boolean" ? row.correct : null,
    line: at.number,
  };
}

function labelText(label: unknown): string | null {
  if (label === undefined || label === null) return null;
  return typeof label === "string" ? label : JSON.stringify(label);
}

function parseObject(line: string, at: { path: string; number: number }): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    throw new InputError("json", `Line ${at.number} of ${at.path} is not valid JSON: ${why}.`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new InputError("json", `Expected a JSON object on line ${at.number} of ${at.path} but found another value.`);
}

/** Reads a predictions.jsonl of ours back. */
export async function readOwnPredictions(path: string): Promise<PredictionRow[]> {
  const text = await readText("file of predictions", path);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, index) => {
    const row = parsePrediction(parseObject(line, { path, number: index + 1 }));
    if (row !== null) return row;
    throw new InputError("predictions", `Line ${index + 1} of ${path} is not a row of predictions.jsonl.`);
  });
}
