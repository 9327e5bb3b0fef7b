// SentencePiece BPE knows pieces and scores; a BPE with ranked merges is the same when the merges are ordered by the score of what they make
// (as transformers' converter does): of two merges the one with the likelier result goes first.

import type { GgufValue } from "../formats/gguf-cursor.js";

/** Kind of an ordinary token in llama.cpp; only those are made by merging. */
const NORMAL = 1;

interface Merge {
  readonly pair: readonly [string, string];
  readonly score: number;
}

/** All pairs of tokens that join into a token, likeliest result first; then longest first part, longest second part. */
export function mergesFromScores(
  tokens: readonly string[],
  scores: readonly number[],
  kinds: readonly GgufValue[],
): (readonly [string, string])[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: Merge[] = [];
  for (const [id, token] of tokens.entries()) {
    if (kinds.length > 0 && kinds[id] !== NORMAL && kinds[id] !== USER_DEFINED) continue;
    const characters = Array.from(token);
    const pairs: [string, string][] = [];
    for (let cut = 1; cut < characters.length; cut++) {
      const pair: [string, string] = [characters.slice(0, cut).join(""), characters.slice(cut).join("")];
      if (ids.has(pair[0]) && ids.has(pair[1])) pairs.push(pair);
    }
    pairs.sort((a, b) => (ids.get(a[0]) ?? 0) - (ids.get(b[0]) ?? 0) || (ids.get(a[1]) ?? 0) - (ids.get(b[1]) ?? 0));
    for (const pair of pairs) merges.push({ pair, score: scores[id] ?? 0 });
  }
  merges.sort(
    (a, b) => b.score - a.score || b.pair[0].length - a.pair[0].length || b.pair[1].length - a.pair[1].length,
  );
  return merges.map(({ pair }) => pair);
}

const USER_DEFINED = 4;
