// Prompts in the words of a model's own chat template, cut where the responses stand.
// The template is rendered once with a mark in place of each response, so whatever it does to a message's text it cannot do to a response.

import { InputError } from "../base/error.js";
import type { ChatMessage, PromptModel } from "./prompt-model.js";

export interface ChatPromptParts {
  readonly system: string;
  /** The user's messages in order; the last one is to be answered. */
  readonly users: readonly string[];
  /** Opens the last answer. */
  readonly prefill: string;
  readonly model: PromptModel;
  readonly endToken: number;
}

/** What stands before each response: all but the first begin after the end token of the response before. */
export function chatPrompts(parts: ChatPromptParts): string[] {
  const { system, users, prefill, model, endToken } = parts;
  const messages: ChatMessage[] = system === "" ? [] : [{ role: "system", content: system }];
  for (const [index, content] of users.entries()) {
    messages.push({ role: "user", content });
    if (index < users.length - 1) messages.push({ role: "assistant", content: mark(index) });
  }
  let rest = model.renderChat(messages, { addGenerationPrompt: true });
  const prompts: string[] = [];
  for (let index = 0; index < users.length - 1; index++) {
    const [before, after] = splitAtMark(rest, mark(index));
    prompts.push(before);
    rest = after;
  }
  prompts.push(rest + prefill);
  const endText = model.tokenizer.decode([endToken], { skipSpecial: false });
  return prompts.map((prompt, index) =>
    index > 0 && endText !== "" && prompt.startsWith(endText) ? prompt.slice(endText.length) : prompt,
  );
}

/** The end token that the chat template itself writes after a response, where it is one of the model's; else the tokenizer's own. */
export function chatEndToken(model: PromptModel): number {
  const { tokenizer } = model;
  const rendered = model.renderChat(
    [
      { role: "user", content: "Hi" },
      { role: "assistant", content: mark(0) },
    ],
    { addGenerationPrompt: false },
  );
  const [, after] = splitAtMark(rendered, mark(0));
  const candidates = tokenizer.eosId === null ? tokenizer.eosIds : [tokenizer.eosId, ...tokenizer.eosIds];
  for (const id of candidates) {
    const text = tokenizer.decode([id], { skipSpecial: false });
    if (text !== "" && after.startsWith(text)) return id;
  }
  if (tokenizer.eosId === null) {
    throw new InputError(
      "missing_end_token",
      "This model's tokenizer names no end token, so a response could not be ended.",
    );
  }
  return tokenizer.eosId;
}

/** Private-use characters, which no chat template treats specially. */
function mark(index: number): string {
  return `\u{E000}response ${index}\u{E001}`;
}

function splitAtMark(text: string, at: string): [string, string] {
  const start = text.indexOf(at);
  if (start < 0 || text.indexOf(at, start + 1) >= 0) {
    throw new InputError(
      "chat_template_turns",
      "Expected this model's chat template to show every assistant message exactly once, but it does not: use a template of the alpaca family.",
    );
  }
  return [text.slice(0, start), text.slice(start + at.length)];
}
