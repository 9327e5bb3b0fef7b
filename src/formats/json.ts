// JSON files: errors name the file, line and column; the rows of an array know the line they start on.

import { InputError } from "../base/error.js";
import { findJsonFault } from "./json-fault.js";
import { readText } from "./open-file.js";

/** Parses a JSON file; `what` names its role for messages (`model configuration`). */
export async function readJson(what: string, path: string): Promise<unknown> {
  return parseJson(what, path, await readText(what, path));
}

/** A JSON object of a file. */
export async function readJsonObject(what: string, path: string): Promise<Record<string, unknown>> {
  const value = await readJson(what, path);
  if (isRecord(value)) return value;
  throw new InputError("json_shape", `Expected a JSON object in the ${what} ${path} but found ${describe(value)}.`);
}

export function parseJson(what: string, path: string, text: string): unknown {
  if (text.trim() === "") throw new InputError("file_empty", `The ${what} ${path} is empty.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    const { line, column, reason } = findJsonFault(text);
    const message = `The ${what} ${path} is not valid JSON: line ${line}, column ${column}: ${reason}.`;
    throw new InputError("json_syntax", message, { cause: error });
  }
}

/** For each element of a top-level JSON array, the line (from 1) it starts on. The text must be valid JSON. */
export function arrayElementLines(text: string): number[] {
  const lines: number[] = [];
  let line = 1;
  let depth = 0;
  let awaiting = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 10) line++;
    if (character <= 32) continue;
    if (awaiting && character !== 93) {
      lines.push(line);
      awaiting = false;
    }
    if (character === 34) i = endOfString(text, i);
    else if (character === 91 || character === 123) awaiting = ++depth === 1;
    else if (character === 93 || character === 125) depth--;
    else if (character === 44 && depth === 1) awaiting = true;
  }
  return lines;
}

/** Index of the closing quote of the string that opens at `open`; a JSON string holds no line feed. */
function endOfString(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 92) i++;
    else if (character === 34) return i;
  }
  return text.length;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a value is, for messages: `an array`, `a string`, `null`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "a string";
  return typeof value === "number" ? `the number ${value}` : String(value);
}
