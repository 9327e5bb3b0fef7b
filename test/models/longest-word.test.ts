import { describe, expect, it } from "vitest";
import { expectWords, longestWord } from "../../src/models/longest-word.js";
import { openModel } from "../../src/models/resolve.js";
import { tinyChat } from "../tiny-chat.js";

describe("expectWords", () => {
  it("takes long texts, and whatever they are made of", () => {
    const some = longestWord / 2;
    for (const text of ["word ".repeat(some), "一二三。".repeat(some), "a1+B/".repeat(some), " ".repeat(4 * some)])
      expect(() => expectWords(text)).not.toThrow();
    expect(() => expectWords("x".repeat(longestWord))).not.toThrow();
  });

  it.each(["x", "7", "=", "é"])("refuses %s without end, at the beginning, in the middle and at the end", (one) => {
    const endless = one.repeat(longestWord + 1);
    for (const text of [`${endless} b`, `a ${endless} b`, `a ${endless}`])
      expect(() => expectWords(text)).toThrow(/at most 131,072 letters, digits or signs .* but there are 131,073 from/);
  });

  it("stands before the tokenizer's work", async () => {
    const { tokenizer } = await openModel(tinyChat);
    expect(() => tokenizer?.encode("x".repeat(3_000_000))).toThrow(
      /there are 3,000,000 from "xxxxxxxxxxxxxxxxxxxx…" on/,
    );
  });
});
