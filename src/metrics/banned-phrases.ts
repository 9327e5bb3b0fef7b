// Phrases that show the rewrite still speaks of its prompt; a rewrite with one is rejected for every task (PROTOCOL §3).

import { stripText } from "./python-text.js";

export interface PhraseList {
  /** In lower case; found whatever the text's case. */
  readonly anywhere: readonly string[];
  /** Found at the very beginning alone, case included. */
  readonly opening: readonly string[];
}

/** The authors' own. */
export const promptPhrases: PhraseList = {
  anywhere: ["reference answer", "your response", "my response", "your own response", "now it's your turn"],
  opening: ["Your turn"],
};

/** Phrases that count anywhere. */
export function ownPhrases(phrases: readonly string[]): PhraseList {
  return { anywhere: phrases.map((phrase) => phrase.toLowerCase()), opening: [] };
}

/** The first phrase of the list that the trimmed text has, and where; null without one. */
export function findPhrase(output: string, list: PhraseList): { readonly phrase: string; readonly at: number } | null {
  const text = stripText(output);
  const lower = text.toLowerCase();
  const phrase = list.anywhere.find((candidate) => lower.includes(candidate));
  if (phrase !== undefined) return { phrase, at: lower.indexOf(phrase) };
  const opening = list.opening.find((candidate) => text.startsWith(candidate));
  return opening === undefined ? null : { phrase: opening, at: 0 };
}

/** The authors' first banned phrase in the text, or null. Case counts only for the opening "Your turn". */
export function findBannedPhrase(output: string): string | null {
  return findPhrase(output, promptPhrases)?.phrase ?? null;
}
