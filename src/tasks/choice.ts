// Multiple choice: how a document becomes a question whose answers are compared by their likelihood. Texts are put as
// lm-evaluation-harness 0.4.13 puts them, to the byte; its few-shot rules are part of a task.

import { InputError } from "../base/error.js";
import type { DataSource, Row } from "./data-source.js";

export interface ChoiceQuestion {
  /** What stands before the answers: one text for all, or one for each (Winogrande, whose choices stand inside). */
  readonly contexts: readonly string[];
  /** What is scored, after a space: one text for each context, or one for all. */
  readonly endings: readonly string[];
  /** The answers themselves; acc_norm divides by their code points. */
  readonly choices: readonly string[];
  /** Indices of the true answers: one, except where the mass of all true ones counts (mc2). */
  readonly gold: readonly number[];
  /** How the question looks as an example for others. */
  readonly example: { readonly context: string; readonly answer: string };
}

/** Where examples for a prompt come from, and which. */
export interface ExampleSource {
  readonly source: DataSource;
  /** `first`: the first of the question's part, always the same. `random`: drawn anew for each question. */
  readonly pick: "first" | "random";
  /** One more is drawn, and the question itself left out: the harness does so where neither split is named. */
  readonly drawsOneMore: boolean;
}

/** A set made of several parts that are scored apart and together (MMLU's subjects). */
export interface ChoiceParts {
  /** `mmlu_anatomy`; null where the row doesn't say. */
  readonly of: (row: Row) => string | null;
  /** The parts that this task takes; null takes the only part, whatever the row says. */
  readonly keeps: (part: string) => boolean;
  /** Larger to smaller: names of scores and the parts each sums up. */
  readonly groups: readonly { readonly name: string; readonly parts: readonly string[] }[];
}

export interface ChoiceFormat {
  /** Throws for a row that is none of this task's. */
  readonly read: (row: Row, id: string) => ChoiceQuestion;
  /** Stands before all else. */
  readonly description: (part: string | null) => string;
  readonly parts: ChoiceParts | null;
  /** Null: the prompt brings its own examples and takes no others. */
  readonly examples: ExampleSource | null;
  /** How many examples the Open LLM Leaderboard of 2023 gave. */
  readonly leaderboardShots: number;
  /** `best`: whether the likeliest answer is true. `mass`: the probability of the true answers among all. */
  readonly scoring: "best" | "mass";
  /** Whether acc_norm is reported beside acc. */
  readonly byLength: boolean;
}

/** A text column, as it is. */
export function textColumn(row: Row, column: string, id: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw wrongColumn(row, column, id, "a text");
}

/** A list of texts, or one written as JSON (CSV). */
export function textsColumn(row: Row, column: string, id: string): readonly string[] {
  const value = listOf(row[column]);
  if (value?.every((item) => typeof item === "string")) return value.map(String);
  throw wrongColumn(row, column, id, "a list of texts");
}

/** A list of whole numbers, or one written as JSON. */
export function numbersColumn(row: Row, column: string, id: string): readonly number[] {
  const value = listOf(row[column]);
  if (value?.every((item) => Number.isInteger(item))) return value.map(Number);
  throw wrongColumn(row, column, id, "a list of whole numbers");
}

/** An object in a column, or one written as JSON. */
export function objectColumn(row: Row, column: string, id: string): Row {
  const value = parsed(row[column]);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw wrongColumn(row, column, id, "an object");
}

/** An index below `count`, written as a number or as digits. */
export function indexColumn(row: Row, column: string, id: string, count: number): number {
  const value = row[column];
  const index = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < count) return index;
  throw wrongColumn(row, column, id, `the index of one of ${count} answers`);
}

export function wrongColumn(row: Row, column: string, id: string, expected: string): InputError {
  const found = Object.hasOwn(row, column) ? JSON.stringify(row[column])?.slice(0, 80) : "no such column";
  return new InputError("choice_column", `Expected ${expected} in column "${column}" of row ${id} but found ${found}.`);
}

function listOf(value: unknown): readonly unknown[] | null {
  const list = parsed(value);
  return Array.isArray(list) ? list : null;
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
