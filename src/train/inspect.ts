// A training sequence token by token, for people to see what is read and what is trained.

import type { PromptTokenizer } from "../templates/prompt-model.js";
import type { TrainSequence } from "./batches.js";

export interface InspectedToken {
  readonly id: number;
  readonly text: string;
  readonly trained: boolean;
}

export function inspectTokens(sequence: TrainSequence, tokenizer: PromptTokenizer): InspectedToken[] {
  return Array.from(sequence.tokens, (id, index) => ({
    id,
    text: tokenText(tokenizer, sequence.tokens[index - 1], id),
    // Nothing predicts the first token.
    trained: index > 0 && sequence.labels[index] !== -100,
  }));
}

/** What the token adds to the text before it: some tokenizers drop the space of a token that stands first. */
function tokenText(tokenizer: PromptTokenizer, before: number | undefined, id: number): string {
  const alone = tokenizer.decode([id], { skipSpecial: false });
  if (before === undefined) return alone;
  const previous = tokenizer.decode([before], { skipSpecial: false });
  const both = tokenizer.decode([before, id], { skipSpecial: false });
  return both.startsWith(previous) ? both.slice(previous.length) : alone;
}
