// ROUGE-L of one text against another, given as words: what the Python package rouge-chinese 1.0.3 gives for them joined by blanks,
// with its ways of cutting sentences. Sentences matter to it only in that one of nothing but white space counts as a word.

import { pythonSpaces, stripText, stripTextEnd } from "./python-text.js";

export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly f: number;
}

/** Keeps the package's F from dividing by zero; two equal texts have 0.999999995. */
const epsilon = 1e-8;

/** By the longest common subsequence of words. A text of white space alone has 0, where the package raises an error. */
export function rougeL(reference: readonly string[], hypothesis: readonly string[]): RougeScore {
  const expected = sentenceWords(reference.join(" "));
  const written = sentenceWords(hypothesis.join(" "));
  if (expected.length === 0 || written.length === 0) return { precision: 0, recall: 0, f: 0 };
  const common = commonLength(expected, written);
  const precision = common / written.length;
  const recall = common / expected.length;
  return { precision, recall, f: 2 * ((precision * recall) / (precision + recall + epsilon)) };
}

/** The package's ends of sentences: a mark, and the character after it, which is no closing quotation mark. */
const sentenceEnds: readonly RegExp[] = [
  /([。！？?])([^”’])/gu,
  /(\.{6})([^”’])/gu,
  /(…{2})([^”’])/gu,
  /([。！？?][”’])([^，。！？?])/gu,
];

const spaces = new RegExp(`[${pythonSpaces}]+`, "gu");

/** An inner line of white space alone is one empty word; trailing ones are stripped. */
function sentenceWords(text: string): string[] {
  const cut = sentenceEnds.reduce((marked, end) => marked.replace(end, "$1\n$2"), text);
  const lines = stripTextEnd(cut)
    .split("\n")
    .filter((line) => line !== "");
  return lines.flatMap((line) => stripText(line).replace(spaces, " ").split(" "));
}

/** The length of the longest common subsequence; time by the product of the lengths, memory by the shorter one's row. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  const numbers = new Map<string, number>();
  const number = (word: string): number => {
    const known = numbers.get(word) ?? numbers.size;
    numbers.set(word, known);
    return known;
  };
  const outer = Int32Array.from(a, number);
  const inner = Int32Array.from(b, number);
  const row = new Int32Array(inner.length + 1);
  for (const word of outer) {
    let diagonal = 0;
    let left = 0;
    for (let j = 0; j < inner.length; j++) {
      const above = row[j + 1] ?? 0;
      left = inner[j] === word ? diagonal + 1 : Math.max(above, left);
      row[j + 1] = left;
      diagonal = above;
    }
  }
  return row[inner.length] ?? 0;
}
