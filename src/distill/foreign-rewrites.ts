// Rewrites that another program made (a generated_predictions.jsonl): by id where the rows have one, else in the order of the data.

import { InputError } from "../base/error.js";
import type { TextExample } from "../data/example.js";
import { pythonSpaces } from "../metrics/python-text.js";
import type { Rewrite } from "./select.js";

/** A row of a predictions file, as src/eval reads it. */
export interface PredictionLine {
  /** The row's own id, or its zero-based place in the file. */
  readonly id: string;
  readonly idFrom: "row" | "order";
  readonly output: string;
  /** The reference answer that the other program saw. */
  readonly label: string | null;
  readonly finish: "stop" | "length" | null;
  readonly line: number;
}

/** The lines as rewrites of these originals. `source` names the file in errors. */
export function matchPredictions(
  originals: readonly TextExample[],
  lines: readonly PredictionLine[],
  source: string,
): Rewrite[] {
  const unnamed = lines.filter((line) => line.idFrom === "order");
  const [first] = unnamed;
  if (first !== undefined && unnamed.length < lines.length) {
    throw new InputError(
      "missing_id",
      `Expected an id on every line of ${source} or on none, but line ${first.line} has none.`,
    );
  }
  if (first !== undefined && lines.length !== originals.length) {
    throw new InputError(
      "count_mismatch",
      `The lines of ${source} have no ids, so they must stand in the order of the data: expected ${originals.length} lines, one for each row, but found ${lines.length}.`,
    );
  }
  const byId = new Map(originals.map((example) => [example.id, example]));
  return lines.map((line, index) => {
    const original = line.idFrom === "order" ? originals[index] : byId.get(line.id);
    if (original === undefined) {
      throw new InputError(
        "unknown_id",
        `Line ${line.line} of ${source} has id "${line.id}", but the data has no row of that id.`,
      );
    }
    checkLabel(original, line, source);
    return { id: original.id, sample: 0, text: line.output, finish: line.finish };
  });
}

const spaces = new RegExp(`[${pythonSpaces}]`, "gu");

/** Tells a shifted or shuffled file from the right one. White space may differ and the end be cut: tokenizers do both to a label. */
function checkLabel(original: TextExample, line: PredictionLine, source: string): void {
  const label = line.label?.replace(spaces, "") ?? "";
  const response = original.response?.replace(spaces, "") ?? "";
  if (!response.startsWith(label)) {
    throw new InputError(
      "label_mismatch",
      `Expected the label on line ${line.line} of ${source} to be the response of row ${original.id} but it is another text: are both files in the same order and of the same data?`,
    );
  }
}
