// How long a training example is: all its turns, prompts and responses, with the end token after each response.
import type { Example, TextExample } from "../data/example.js";
import type { PromptRenderer } from "../templates/render.js";

/** Tokens as training sees them. A row without a response counts its prompt alone. */
export function exampleTokens(renderer: PromptRenderer, example: TextExample): number {
  return renderer
    .turns(example)
    .reduce(
      (sum, { prompt, response }) => sum + renderer.pieceTokens(prompt).length + responseTokens(renderer, response),
      0,
    );
}

/** Tokens of an answer and its end. */
export function responseTokens(renderer: PromptRenderer, response: string | null): number {
  return response === null ? 0 : renderer.pieceTokens([{ kind: "text", text: response }, { kind: "end" }]).length;
}

/** Which examples `max_tokens` leaves. Without a renderer (the model has no tokenizer) texts are left for later to refuse. */
export function keepShort(renderer: PromptRenderer | null, maxTokens: number): (example: Example) => boolean {
  return (example) => {
    if (example.kind === "tokens") return example.tokens.length <= maxTokens;
    return renderer === null || exampleTokens(renderer, example) <= maxTokens;
  };
}
