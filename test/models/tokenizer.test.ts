import { describe, expect, it } from "vitest";
import { bosFirst, byteLevelTokenizer } from "./made-tokenizers.js";

const letter = (character: string): number => character.charCodeAt(0) + 2;

describe("encode and decode", () => {
  it("merges, knows special tokens in the text and gives the text back", () => {
    const tokenizer = byteLevelTokenizer({});
    const ids = tokenizer.encode("he he</s>é");
    expect(ids).toEqual([258, 259, 1, 0xc3 + 2, 0xa9 + 2]);
    expect(tokenizer.decode(ids)).toBe("he he</s>é");
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe("he heé");
    expect(tokenizer.encode("")).toEqual([]);
    expect(tokenizer.decode([])).toBe("");
  });

  it("keeps spaces before punctuation, and ids beyond the vocabulary decode to nothing", () => {
    const tokenizer = byteLevelTokenizer({});
    expect(tokenizer.decode(tokenizer.encode("a , b . c n't"))).toBe("a , b . c n't");
    expect(tokenizer.decode([letter("a"), 5000, letter("b")])).toBe("ab");
  });
});

describe("the tokens around a text", () => {
  it("come from the post-processor", () => {
    const tokenizer = byteLevelTokenizer({}, bosFirst);
    expect(tokenizer.addsBos).toBe(true);
    expect(tokenizer.encode("a")).toEqual([0, letter("a")]);
    expect(tokenizer.encode("a", { addSpecial: false })).toEqual([letter("a")]);
    expect(tokenizer.encode("")).toEqual([0]);
  });

  it("are none without one, though there is a BOS", () => {
    const tokenizer = byteLevelTokenizer({});
    expect(tokenizer.bosId).toBe(0);
    expect(tokenizer.addsBos).toBe(false);
    expect(tokenizer.encode("a")).toEqual([letter("a")]);
  });

  it("follow add_bos_token and add_eos_token where they are given", () => {
    expect(byteLevelTokenizer({ addBos: true, addEos: true }).encode("a")).toEqual([0, letter("a"), 1]);
    const off = byteLevelTokenizer({ addBos: false }, bosFirst);
    expect(off.addsBos).toBe(false);
    expect(off.encode("a")).toEqual([letter("a")]);
  });
});

describe("end tokens", () => {
  it("are the tokenizer's own, then those of the generation configuration", () => {
    const tokenizer = byteLevelTokenizer({ endIds: [1, 260] });
    expect(tokenizer.eosId).toBe(1);
    expect(tokenizer.eosIds).toEqual([1, 260]);
  });

  it("must be in the vocabulary", () => {
    expect(() => byteLevelTokenizer({ eosToken: "<gone>" })).toThrow(
      /EOS token "<gone>" of made up is not in its vocabulary/,
    );
  });
});

describe("tokenBytes", () => {
  it("gives each token's bytes and pads a larger vocabulary with nothing", () => {
    const tokenizer = byteLevelTokenizer({});
    const { bytes, offsets } = tokenizer.tokenBytes(300);
    const text = (id: number) => Buffer.from(bytes.subarray(offsets[id], offsets[id + 1]));
    expect(offsets.length).toBe(301);
    expect(tokenizer.vocabSize).toBe(261);
    expect(text(259).toString()).toBe(" he");
    expect(text(260).toString()).toBe("<tool>");
    for (let byte = 0; byte < 256; byte++) expect([...text(byte + 2)]).toEqual([byte]);
    expect(offsets[300]).toBe(offsets[261]);
  });
});
