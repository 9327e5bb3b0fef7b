import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import { spellOutSplit } from "../../src/models/byte-level-split.js";

const own = { type: "ByteLevel", add_prefix_space: false, use_regex: true };

/** One token a byte, and one for two line feeds: it is found only where the cut leaves them together. */
function bytes(pre_tokenizer: object) {
  const letters = ["a", "Ċ", "Ġ", "ï", "»", "¿", "Â", "ħ", "ĊĊ", "Ä", "Ħ"];
  const vocab = Object.fromEntries(letters.map((letter, id) => [letter, id]));
  return {
    version: "1.0",
    model: { type: "BPE", vocab, merges: ["Ċ Ċ"] },
    pre_tokenizer,
    decoder: own,
    added_tokens: [],
    normalizer: null,
    post_processor: null,
  };
}

const tokens = (json: object, text: string) =>
  new Tokenizer(json, {}).encode(text, { add_special_tokens: false }).tokens;

describe("spellOutSplit", () => {
  // tokenizers 0.23.3 (Python) cuts the same texts into these pieces.
  const texts: readonly [string, readonly string[]][] = [
    ["a\n\na", ["a", "Ċ", "Ċ", "a"]],
    ["a\n\n\ufeff", ["a", "Ċ", "Ċ", "ï", "»", "¿"]],
    ["a\n\n", ["a", "ĊĊ"]],
    ["a\n\n\u0085", ["a", "ĊĊ", "Â", "ħ"]],
  ];

  it.each(texts)("cuts %j as the models' tokenizers do", (text, expected) => {
    for (const step of [own, { type: "Sequence", pretokenizers: [own] }]) {
      expect(tokens(spellOutSplit(bytes(step)), text)).toEqual(expected);
    }
  });

  it("leaves the rest as it is", () => {
    for (const step of [{ ...own, use_regex: false }, { ...own, add_prefix_space: true }, { type: "Metaspace" }])
      expect(spellOutSplit(bytes(step))).toEqual(bytes(step));
    const bare = { model: {} };
    expect(spellOutSplit(bare)).toBe(bare);
  });
});
