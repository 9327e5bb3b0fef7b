// The shapes of data rows we read, what each needs to know of the columns, and how a shape is told from the columns of a row.

import { InputError } from "../base/error.js";
import { isRecord } from "../formats/json.js";
import type { Row } from "../formats/row-table.js";

/** instruction, input, output and history in columns of their own. */
export interface AlpacaShape {
  readonly kind: "alpaca";
  readonly prompt: string;
  /** Appended to the prompt after a line feed where it is not empty. */
  readonly query: string | null;
  /** Null: the rows have no reference answers. */
  readonly response: string | null;
  /** Earlier turns as pairs, oldest first. */
  readonly history: string | null;
  readonly system: string | null;
}

/** A list of messages in one column: sharegpt and messages. */
export interface ConversationShape {
  readonly kind: "conversation";
  readonly messages: string;
  readonly system: string | null;
  readonly tools: string | null;
  readonly tags: ConversationTags;
}

/** Keys of a message, and the names of its roles. */
export interface ConversationTags {
  readonly role: string;
  readonly content: string;
  readonly user: string;
  readonly assistant: string;
  readonly system: string;
  readonly observation: string;
  readonly function: string;
}

/** Rows tokenised elsewhere. */
export interface TokenShape {
  readonly kind: "tokens";
  readonly tokens: "input_ids";
  readonly labels: "labels" | null;
}

export type Shape = AlpacaShape | ConversationShape | TokenShape;

export const SHAREGPT_TAGS: ConversationTags = {
  role: "from",
  content: "value",
  user: "human",
  assistant: "gpt",
  system: "system",
  observation: "observation",
  function: "function_call",
};

export const MESSAGE_TAGS: ConversationTags = {
  role: "role",
  content: "content",
  user: "user",
  assistant: "assistant",
  system: "system",
  observation: "tool",
  function: "function",
};

/** The shape of a file by the columns of its first row. */
export function detectShape(path: string, row: Row): Shape {
  const has = (name: string): boolean => Object.hasOwn(row, name);
  const optional = (name: string): string | null => (has(name) ? name : null);
  if (has("input_ids")) return { kind: "tokens", tokens: "input_ids", labels: has("labels") ? "labels" : null };
  for (const messages of ["messages", "conversations"]) {
    if (!Array.isArray(row[messages])) continue;
    const [first]: unknown[] = row[messages];
    const tags = isRecord(first) && Object.hasOwn(first, "from") ? SHAREGPT_TAGS : MESSAGE_TAGS;
    return { kind: "conversation", messages, system: optional("system"), tools: optional("tools"), tags };
  }
  if (has("instruction")) {
    const response = has("response") && !has("output") ? "response" : "output";
    return {
      kind: "alpaca",
      prompt: "instruction",
      query: optional("input"),
      response,
      history: optional("history"),
      system: optional("system"),
    };
  }
  if (has("prompt")) {
    const response = ["completion", "response", "output"].find(has) ?? null;
    return { kind: "alpaca", prompt: "prompt", query: null, response, history: null, system: optional("system") };
  }
  throw new InputError(
    "data_columns",
    `${path} has the columns ${Object.keys(row).join(", ")}; expected instruction and output, prompt and completion, messages, conversations, or input_ids. Name its columns in a dataset_info.json (--dataset-dir) to read it.`,
  );
}
