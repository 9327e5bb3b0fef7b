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

/** Which examples `max_tokens` leaves; undefined where there is no limit. */
export function keepShort(
  renderer: PromptRenderer,
  maxTokens: number | null,
): ((example: Example) => boolean) | undefined {
  if (maxTokens === null) return undefined;
  return (example) => (example.kind === "text" ? exampleTokens(renderer, example) : example.tokens.length) <= maxTokens;
}
