// One row of a known shape → an Example. Faults name the row's place and the column.

import { InputError } from "../base/error.js";
import type { Row } from "../formats/row-table.js";
import { columnError, missingColumn, optionalText, requireText } from "./columns.js";
import { readConversation } from "./conversation.js";
import type { Example, TextExample, TokenExample, Turn } from "./example.js";
import type { AlpacaShape, Shape, TokenShape } from "./shape.js";

/** `place` says where the row stands (`data.json, row 3, line 14`). */
export function readExample(shape: Shape, row: Row, id: string, place: string): Example {
  switch (shape.kind) {
    case "alpaca":
      return readAlpaca(shape, row, id, place);
    case "conversation":
      return readConversation(shape, row, id, place);
    case "tokens":
      return readTokens(shape, row, id, place);
  }
}

function readAlpaca(shape: AlpacaShape, row: Row, id: string, place: string): TextExample {
  const prompt = requireText(row, shape.prompt, place);
  const query = optionalText(row, shape.query, place);
  return {
    kind: "text",
    id,
    instruction: query === "" ? prompt : `${prompt}\n${query}`,
    response: shape.response === null ? null : requireText(row, shape.response, place),
    history: shape.history === null ? [] : readHistory(row[shape.history], shape.history, place),
    system: optionalText(row, shape.system, place) || null,
    row,
  };
}

/** Pairs of user and assistant; absent or null is no history. */
function readHistory(value: unknown, column: string, place: string): Turn[] {
  if (value === undefined || value === null || value === "") return [];
  const pairs: unknown[] | null = Array.isArray(value) ? value : null;
  if (pairs === null) throw columnError(place, column, "a list of [user, assistant] pairs", value);
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw columnError(place, column, "a list of [user, assistant] pairs", pair);
    const [user, assistant]: unknown[] = pair;
    if (typeof user !== "string" || typeof assistant !== "string")
      throw columnError(place, column, "pairs of strings", pair);
    return { user, assistant };
  });
}

function readTokens(shape: TokenShape, row: Row, id: string, place: string): TokenExample {
  const tokens = readIntegers(row, shape.tokens, place, 0);
  if (tokens.length === 0)
    throw new InputError("data_value", `${place}: input_ids is empty; expected at least one token.`);
  const labels = shape.labels === null ? null : readIntegers(row, shape.labels, place, -100);
  if (labels !== null && labels.length !== tokens.length) {
    throw new InputError(
      "data_value",
      `${place}: labels has ${labels.length} entries where input_ids has ${tokens.length}.`,
    );
  }
  return { kind: "tokens", id, tokens, labels };
}

function readIntegers(row: Row, column: string, place: string, smallest: number): number[] {
  const value = row[column];
  if (value === undefined || value === null) throw missingColumn(row, column, place);
  // CSV holds lists as text.
  const list: unknown = typeof value === "string" ? parseList(value) : value;
  const accepted = (item: unknown): item is number =>
    Number.isSafeInteger(item) && (Number(item) >= 0 || item === smallest);
  if (Array.isArray(list) && list.every(accepted)) return list;
  throw columnError(place, column, smallest < 0 ? "a list of token ids or -100" : "a list of token ids", value);
}

function parseList(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
