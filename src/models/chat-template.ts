// A model's own chat template (Jinja), rendered as transformers' apply_chat_template does: block tags leave no line of their own, and
// raise_exception, strftime_now and the model's special tokens are known inside.

import { Template } from "@huggingface/jinja";
import { InputError } from "../base/error.js";
import type { Tokenizer } from "./tokenizer.js";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export interface ChatOptions {
  /** Whether the text ends with the header of the assistant's next answer. */
  readonly addGenerationPrompt: boolean;
}

/** A model's prompts: its tokenizer, and its chat template where it has one. */
export interface ChatModel {
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: string | null;
  /** The messages as the model was trained to see them; an error where it has no chat template. */
  renderChat(messages: readonly ChatMessage[], options: ChatOptions): string;
}

/** The prompts of an opened model; null for one without a tokenizer. */
export function chatModel({ tokenizer }: { readonly tokenizer: Tokenizer | null }): ChatModel | null {
  return tokenizer === null ? null : createChatModel(tokenizer);
}

/** Parses the template once, at the first use. */
export function createChatModel(tokenizer: Tokenizer): ChatModel {
  const { chatTemplate, bosToken, eosToken } = tokenizer;
  let template: Template | null = null;
  return {
    tokenizer,
    chatTemplate,
    renderChat(messages, { addGenerationPrompt }) {
      if (chatTemplate === null) {
        throw new InputError("chat_template", "This model has no chat template; use a template of the alpaca family.");
      }
      template ??= parseTemplate(chatTemplate);
      return render(template, {
        messages,
        add_generation_prompt: addGenerationPrompt,
        ...(bosToken === null ? {} : { bos_token: bosToken }),
        ...(eosToken === null ? {} : { eos_token: eosToken }),
      });
    },
  };
}

function parseTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    throw templateError("can't be read", error);
  }
}

function render(template: Template, variables: Record<string, unknown>): string {
  try {
    return template.render(variables);
  } catch (error) {
    throw templateError("refused these messages", error);
  }
}

function templateError(what: string, error: unknown): InputError {
  const reason = error instanceof Error ? error.message : String(error);
  return new InputError("chat_template", `This model's chat template ${what}: ${reason}.`, { cause: error });
}
