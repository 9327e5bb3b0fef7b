// NLTK 3.10.4, jieba 0.42.1 and rouge-chinese 1.0.3 on 66 pairs (see the README beside filters.json). Rows below the fold were made with the
// same three packages; the script is the line beside each.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bleu4 } from "../../src/metrics/bleu.js";
import { loadJieba } from "../../src/metrics/jieba-words.js";
import { rougeL } from "../../src/metrics/rouge.js";
import { sharedPath } from "../shared-folder.js";

interface Pair {
  readonly reference: string;
  readonly hypothesis: string;
  readonly bleu4: number;
  readonly rouge_l: { readonly p: number; readonly r: number; readonly f: number };
  readonly jieba: readonly string[];
}

const path = sharedPath("reference/filters.json");
const cut = await loadJieba();

describe.skipIf(path === null)("the reference pairs", () => {
  const pairs: readonly Pair[] = path === null ? [] : JSON.parse(readFileSync(path, "utf8")).similarity;

  it("have NLTK's BLEU-4", () => {
    expect(pairs).toHaveLength(66);
    const worst = pairs.map((pair) => Math.abs(bleu4(pair.reference, pair.hypothesis) - pair.bleu4));
    expect(Math.max(...worst)).toBeLessThan(1e-9);
  });

  it("have jieba's words in every row, although jieba-rs itself cuts one of them otherwise", async () => {
    const { Jieba } = await import("@node-rs/jieba");
    const { dict } = await import("@node-rs/jieba/dict.js");
    const rust = Jieba.withDict(dict);
    const differ = (words: (text: string) => readonly string[]): number =>
      pairs.filter(({ hypothesis, jieba }) => words(hypothesis).slice(0, 60).join("\0") !== jieba.join("\0")).length;
    expect(differ((text) => cut(text))).toBe(0);
    expect(differ((text) => rust.cut(text, true))).toBe(1);
  });

  it("have rouge-chinese's ROUGE-L", () => {
    for (const { reference, hypothesis, rouge_l: expected } of pairs) {
      const { precision, recall, f } = rougeL(cut(reference), cut(hypothesis));
      expect(Math.abs(precision - expected.p), hypothesis).toBeLessThan(1e-9);
      expect(Math.abs(recall - expected.r), hypothesis).toBeLessThan(1e-9);
      expect(Math.abs(f - expected.f), hypothesis).toBeLessThan(1e-9);
    }
  });
});

describe("bleu4", () => {
  it("is 0 for empty texts and those without a common character, as sentence_bleu gives", () => {
    expect(bleu4("", "")).toBe(0);
    expect(bleu4("abc", "")).toBe(0);
    expect(bleu4("", "abc")).toBe(0);
    expect(bleu4("abc", "xyz")).toBe(0);
  });

  it("counts code points, not UTF-16 units", () => {
    // sentence_bleu([list("😀😁😂")], list("😀😁😃"), smoothing_function=SmoothingFunction().method3)
    expect(bleu4("😀😁😂", "😀😁😃")).toBeCloseTo((2 / 3 / 2 / 2 / 4) ** 0.25, 12);
  });

  it("clips what the reference has fewer times", () => {
    // 2 of 7 characters, 1 of 6 pairs, then 1/2 of one of 5, 1/4 of one of 4
    expect(bleu4("aab", "aaaaaaa")).toBeCloseTo((2 / 7 / 6 / (2 * 5) / (4 * 4)) ** 0.25, 12);
  });
});

describe("rougeL", () => {
  it("is 0 where a text is blank, as the authors' framework scores it", () => {
    expect(rougeL([], ["a"]).f).toBe(0);
    expect(rougeL(["a"], [" ", "\n"]).f).toBe(0);
    expect(rougeL([], [])).toEqual({ precision: 0, recall: 0, f: 0 });
  });

  it("counts a blank line inside as a word, and none at the end", () => {
    // Rouge().get_scores("a \n \n b", "a b") → p = 2/3, r = 1; "a b \n \n" → p = 1
    expect(rougeL(["a", "b"], ["a", "\n", "\n", "b"])).toMatchObject({ precision: 2 / 3, recall: 1 });
    expect(rougeL(["a", "b"], ["a", "b", "\n", "\n"])).toMatchObject({ precision: 1, recall: 1 });
  });

  it("cuts sentences at Chinese marks and question marks, so that a line feed after one is a blank line", () => {
    // Rouge().get_scores("why ? \n because", "why ? because") → p = 3/4
    expect(rougeL(["why", "?", "because"], ["why", "?", "\n", "because"])).toMatchObject({ precision: 3 / 4 });
    expect(rougeL(["why", "!", "because"], ["why", "!", "\n", "because"])).toMatchObject({ precision: 1 });
  });
});

describe("jieba's words", () => {
  it.each([
    // list(jieba.cut(text)) of jieba 0.42.1
    ["GPT-2 is", ["GPT", "-", "2", " ", "is"]],
    ["1-10% 1.5.2", ["1", "-", "10%", " ", "1.5", ".", "2"]],
    ["C++11, c# AT&T-x", ["C++", "11", ",", " ", "c#", " ", "AT&T", "-", "x"]],
    ["a--b...", ["a", "--", "b", "..."]],
    ["a\r\nb\u0085c", ["a", "\r\n", "b", "\u0085", "c"]],
    ["用GPT-2模型", ["用", "GPT", "-", "2", "模型"]],
    ["T恤和iPhone13", ["T恤", "和", "iPhone13"]],
    ["㐀𠀀", ["㐀", "𠀀"]],
    ["", []],
  ])("of %j", (text, words) => {
    expect(cut(text)).toEqual(words);
  });
});
