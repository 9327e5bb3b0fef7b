// Questions in tokens, ready for planning memory, for hashing and for the engine. Faults are found here, before any work.

import { createHash } from "node:crypto";
import type { PromptTokenizer } from "../../templates/prompt-model.js";
import { type EncodedPair, encodePair, scoredTokens } from "./encode-pair.js";
import type { ChoiceItem } from "./questions.js";

export interface EncodedItem {
  readonly item: ChoiceItem;
  /** One for each choice. Answers after the same text hold it once. */
  readonly pairs: readonly EncodedPair[];
}

/** `longest` is the most tokens that the engine scores in one sequence. */
export function encodeItems(
  tokenizer: PromptTokenizer,
  items: readonly ChoiceItem[],
  longest: number,
  onItem: (done: number) => void = () => {},
): readonly EncodedItem[] {
  return items.map((item, index) => {
    const byContext = new Map<string, EncodedPair>();
    const pairs = item.requests.map(({ context, continuation }) => {
      const pair = encodePair(tokenizer, context, continuation, byContext.get(context) ?? null);
      scoredTokens(pair, { id: item.id, longest });
      byContext.set(context, pair);
      return pair;
    });
    onItem(index + 1);
    return { item, pairs };
  });
}

/** Names all that is scored. */
export function hashItems(items: readonly EncodedItem[]): string {
  const hash = createHash("sha256");
  for (const { item, pairs } of items) {
    hash.update(JSON.stringify([item.id, item.part, item.choices, item.gold, pairs.length]));
    for (const tokens of pairs.flatMap(({ context, continuation }) => [context, continuation])) {
      hash.update(Int32Array.of(tokens.length));
      hash.update(tokens);
    }
  }
  return hash.digest("hex");
}
