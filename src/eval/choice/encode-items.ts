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
): readonly EncodedItem[] {
  return items.map((item) => {
    const pairs = item.requests.map(({ context, continuation }) => encodePair(tokenizer, context, continuation));
    for (const pair of pairs) scoredTokens(pair, { id: item.id, longest });
    return { item, pairs: shareContexts(pairs) };
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

function shareContexts(pairs: readonly EncodedPair[]): EncodedPair[] {
  const [first] = pairs;
  return pairs.map((pair) =>
    first !== undefined && sameTokens(first.context, pair.context) ? { ...pair, context: first.context } : pair,
  );
}

function sameTokens(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((token, index) => token === b[index]);
}
