import { describe, expect, it } from "vitest";
import { encodePair, scoredTokens } from "../../../src/eval/choice/encode-pair.js";
import { idOf, letterModel, llamaLike, smolLike } from "../../templates/letter-model.js";

const letter = (text: string): number[] => [...text].map((character) => 1000 + (character.codePointAt(0) ?? 0));
const lists = ({ context, continuation }: ReturnType<typeof encodePair>) => [[...context], [...continuation]];

describe("encodePair", () => {
  it("moves trailing white space to the continuation, Python's white space and no other", () => {
    const { tokenizer } = smolLike;
    expect(lists(encodePair(tokenizer, "A: ", "4"))).toEqual([letter("A:"), letter(" 4")]);
    expect(lists(encodePair(tokenizer, "A\u0085\u001c", "4"))).toEqual([letter("A"), letter("\u0085\u001c4")]);
    expect(lists(encodePair(tokenizer, "A\ufeff", "4"))).toEqual([letter("A\ufeff"), letter("4")]);
  });

  it("adds one BOS where the tokenizer adds one, and none to a text that begins with it", () => {
    const { tokenizer } = llamaLike;
    expect(lists(encodePair(tokenizer, "ab", "c"))).toEqual([[idOf("<s>"), ...letter("ab")], letter("c")]);
    expect(lists(encodePair(tokenizer, "<s>ab", "c"))).toEqual([[idOf("<s>"), ...letter("ab")], letter("c")]);
  });

  it("puts the BOS, or else the end token, before a continuation that stands alone", () => {
    expect(lists(encodePair(llamaLike.tokenizer, "", " c"))).toEqual([[idOf("<s>")], letter(" c")]);
    expect(lists(encodePair(llamaLike.tokenizer, "", "<s>c"))).toEqual([[idOf("<s>")], letter("c")]);
    const { tokenizer } = letterModel({ bos: null, eos: "</s>", addsBos: false });
    expect(lists(encodePair(tokenizer, "", "c"))).toEqual([[idOf("</s>")], letter("c")]);
    expect(() => encodePair({ ...tokenizer, eosId: null }, "", "c")).toThrow(/neither a BOS nor an end token/);
  });
});

describe("scoredTokens", () => {
  const pair = (context: number, continuation: number) => ({
    context: new Int32Array(context).fill(1),
    continuation: new Int32Array(continuation).fill(2),
  });
  const place = { id: "9", longest: 4 };

  it("keeps the end of what is too long", () => {
    expect(scoredTokens(pair(2, 2), place)).toEqual({ tokens: Int32Array.of(1, 1, 2, 2), from: 2 });
    expect(scoredTokens(pair(6, 3), place)).toEqual({ tokens: Int32Array.of(1, 2, 2, 2), from: 1 });
  });

  it("names the row whose answer has no token, or too many", () => {
    expect(() => scoredTokens(pair(1, 0), place)).toThrow(/row 9 but one has no token of its own/);
    expect(() => scoredTokens(pair(0, 1), place)).toThrow(/row 9 but one has no text before it/);
    expect(() => scoredTokens(pair(1, 4), place)).toThrow(/1 to 3 tokens after a text in row 9 but one has 4 tokens/);
  });
});
