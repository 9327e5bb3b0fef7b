// The rewrite repeats its prompt: a sentence or mark of the distillation template, or a long span of the instruction or system message
// that the original answer does not have.

import { z } from "zod";
import { wholeNumber } from "../../base/parse-config.js";
import { collapseSpaces } from "../../metrics/python-text.js";
import { longestCommonRun } from "../../metrics/word-overlap.js";
import { type Candidate, defineRule, type Finding } from "./rule.js";

/** `words`: so many of the instruction's or system message's words in a row are a leak. */
export const leakedPrompt = defineRule({
  reason: "repeats the prompt",
  options: z.strictObject({ words: wholeNumber(3, 1000).default(20) }),
  judge: (candidate, { words }) => templateLeak(candidate) ?? spanLeak(candidate, words),
});

function templateLeak({ rewrite, original, shown, template }: Candidate): Finding | null {
  const text = plain(rewrite);
  const own = plain([original, ...shown].join("\n"));
  const leaked = template.flatMap(fragments).find((fragment) => text.includes(fragment) && !own.includes(fragment));
  if (leaked === undefined) return null;
  return { value: text.indexOf(leaked), detail: `"${leaked}" of the template at character ${text.indexOf(leaked)}` };
}

function spanLeak({ rewrite, original, shown }: Candidate, size: number): Finding | null {
  const found = longestCommonRun(rewrite, shown, { size, allowed: original });
  if (found === null) return null;
  return {
    value: found.words,
    detail: `${found.words} words of the prompt in a row, where under ${size} are expected: "${found.run}"`,
  };
}

/** Shorter pieces of a template are ordinary words; marks such as `[INST]` are not. */
const shortestSentence = 12;
const shortestMark = 6;

/** A template's sentences and marks, without the places where a row's own texts go. */
function fragments(text: string): string[] {
  return text
    .split(/\{[a-z]+\}|\n|(?<=[.!?])\s/)
    .map((piece) => plain(piece).trim())
    .filter((piece) => piece.length >= (/^[[<#]/.test(piece) ? shortestMark : shortestSentence));
}

function plain(text: string): string {
  return collapseSpaces(text).toLowerCase();
}
