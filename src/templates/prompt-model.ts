// What templates need to know of a model: its tokenizer and its own chat template. src/models fits these by structure.

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface PromptTokenizer {
  /** Without `addSpecial` no BOS and no end token is added; special tokens written in the text become their ids, as in transformers. */
  encode(text: string, options?: { readonly addSpecial?: boolean }): number[];
  decode(ids: readonly number[], options?: { readonly skipSpecial?: boolean }): string;
  readonly bosId: number | null;
  /** The tokenizer's own end token. */
  readonly eosId: number | null;
  /** Every token that ends an answer. */
  readonly eosIds: readonly number[];
  /** Whether the tokenizer itself puts a BOS before a text. */
  readonly addsBos: boolean;
}

export interface PromptModel {
  readonly tokenizer: PromptTokenizer;
  /** The chat template's source; null where the model has none. */
  readonly chatTemplate: string | null;
  /** The messages in the words of the chat template; throws where there is none. */
  renderChat(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string;
}
