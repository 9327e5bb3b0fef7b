// The check of GSM8K and MultiArith: the last integer of the answer equals the last integer of the reference (PROTOCOL §3).
// To the letter as in the authors' code, whose pattern and trimming are Python's.

import { parseInteger, pythonSpaces } from "./python-text.js";

/** Stands for "no number" and for a last number with decimals, so two texts without a number agree. */
const noInteger = "-999999999";

const numberPattern = new RegExp(`-?\\p{Nd}+(?:[,${pythonSpaces}]\\p{Nd}+)*(?:\\.\\p{Nd}+)?`, "gu");

/** The last integer as text, commas and blanks removed; other white space inside stays, so that what int() cannot read is seen as such. */
export function lastInteger(text: string): string {
  const last = text.match(numberPattern)?.at(-1);
  if (last === undefined) return noInteger;
  const [whole = "", decimals] = last.replaceAll(",", "").replaceAll(" ", "").split(".");
  return decimals === undefined || parseInteger(decimals) === 0n ? whole : noInteger;
}

/** Whether both texts end in the same integer; false where int() could not read one of them. */
export function sameLastInteger(reference: string, output: string): boolean {
  const expected = parseInteger(lastInteger(reference));
  return expected !== null && expected === parseInteger(lastInteger(output));
}
