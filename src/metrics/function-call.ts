// The check of OpenFunctions: the reference call stands somewhere in the answer (PROTOCOL §3).

import { InputError } from "../base/error.js";
import { collapseSpaces, startsWord, stripText } from "./python-text.js";

/** A dotted name, then everything from the first bracket to the last closing one. */
const callPattern = /^([a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*)\((.*)\)/s;

/** Whether the output has `name(parameters)` of the reference at the beginning of a word, both normalised. `row` names the row in the error. */
export function containsCall(reference: string, output: string, row: string): boolean {
  const match = callPattern.exec(normaliseCall(reference));
  if (match === null) {
    throw new InputError(
      "malformed_call",
      `Expected the reference of row ${row} to be a function call like name(key="value") but received ${JSON.stringify(reference.slice(0, 80))}.`,
    );
  }
  const call = `${match[1]}(${match[2]})`;
  const text = normaliseCall(output);
  for (let at = text.indexOf(call); at >= 0; at = text.indexOf(call, at + 1)) {
    if (startsWord(text, at)) return true;
  }
  return false;
}

function normaliseCall(text: string): string {
  return collapseSpaces(stripText(text)).replaceAll("'", '"').replaceAll(", ", ",");
}
