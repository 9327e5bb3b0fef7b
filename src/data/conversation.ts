// A row with a list of messages (sharegpt, or role and content) → a TextExample: the last exchange is the example, those before are its history.

import { InputError } from "../base/error.js";
import { isRecord } from "../formats/json.js";
import type { Row } from "../formats/row-table.js";
import { columnError, missingColumn, optionalText } from "./columns.js";
import type { TextExample, Turn } from "./example.js";
import type { ConversationShape, ConversationTags } from "./shape.js";

interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly text: string;
}

/** A conversation that ends with a user's message has no response. */
export function readConversation(shape: ConversationShape, row: Row, id: string, place: string): TextExample {
  const tools = shape.tools === null ? null : row[shape.tools];
  if (tools !== undefined && tools !== null && tools !== "" && !(Array.isArray(tools) && tools.length === 0)) {
    throw new InputError(
      "data_tools",
      `${place}: the column ${JSON.stringify(shape.tools)} describes tools, which can't be trained on yet.`,
    );
  }
  const messages = readMessages(shape, row, place);
  const [first] = messages;
  const ownSystem = first?.role === "system" ? first.text : null;
  const exchanges = pairUp(ownSystem === null ? messages : messages.slice(1), shape.messages, place);
  const last = exchanges.at(-1);
  if (last === undefined)
    throw new InputError("data_value", `${place}: the column ${JSON.stringify(shape.messages)} has no user message.`);
  return {
    kind: "text",
    id,
    instruction: last.user,
    response: last.assistant,
    history: exchanges.slice(0, -1).map(({ user, assistant }): Turn => ({ user, assistant: assistant ?? "" })),
    system: (optionalText(row, shape.system, place) || ownSystem) ?? null,
    row,
  };
}

function readMessages(shape: ConversationShape, row: Row, place: string): Message[] {
  const value = row[shape.messages];
  if (value === undefined || value === null) throw missingColumn(row, shape.messages, place);
  if (!Array.isArray(value)) throw columnError(place, shape.messages, "a list of messages", value);
  return value.map((message: unknown, index) => readMessage(shape, message, `${place}, message ${index + 1}`));
}

function readMessage({ messages, tags }: ConversationShape, message: unknown, place: string): Message {
  if (!isRecord(message)) throw columnError(place, messages, "an object", message);
  const text = message[tags.content];
  if (typeof text !== "string") throw columnError(place, `${messages}[].${tags.content}`, "a string", text);
  return { role: readRole(tags, message[tags.role], place), text };
}

function readRole(tags: ConversationTags, role: unknown, place: string): Message["role"] {
  switch (role) {
    case tags.system:
      return "system";
    case tags.user:
      return "user";
    case tags.assistant:
      return "assistant";
    case tags.observation:
    case tags.function:
      throw new InputError(
        "data_tools",
        `${place}: the role ${JSON.stringify(role)} belongs to calls of tools, which can't be trained on yet.`,
      );
    default:
      throw new InputError(
        "data_role",
        `${place}: expected ${tags.role} to be ${tags.user}, ${tags.assistant} or ${tags.system} but found ${JSON.stringify(role)}.`,
      );
  }
}

interface Exchange {
  readonly user: string;
  /** Null only in the last exchange. */
  readonly assistant: string | null;
}

function pairUp(messages: readonly Message[], column: string, place: string): Exchange[] {
  const exchanges: Exchange[] = [];
  for (let i = 0; i < messages.length; i += 2) {
    const [user, assistant] = [messages[i], messages[i + 1]];
    if (user?.role !== "user" || (assistant !== undefined && assistant.role !== "assistant")) {
      const roles = messages.map(({ role }) => role).join(", ");
      throw new InputError(
        "data_role",
        `${place}: expected user and assistant to take turns in the column ${JSON.stringify(column)} but found ${roles}.`,
      );
    }
    exchanges.push({ user: user.text, assistant: assistant?.text ?? null });
  }
  return exchanges;
}
