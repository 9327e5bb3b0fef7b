// Llama-2-like vocabularies with scores: ids and texts as sentencepiece itself gives them (test/fixtures/sentencepiece).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGguf } from "../../src/formats/gguf.js";
import type { Tokenizer } from "../../src/models/tokenizer.js";
import { readGgufTokenizer } from "../../src/models/tokenizer-gguf.js";
import { fileFolder } from "../formats/file-folder.js";
import { type GgufInput, ggufBytes } from "../formats/gguf-bytes.js";
import { fixturesFolder } from "../shared-folder.js";

const folder = fileFolder();
const fixture = JSON.parse(readFileSync(join(fixturesFolder, "sentencepiece", "vocabulary.json"), "utf8")) as {
  tokens: string[];
  scores: number[];
  kinds: number[];
  cases: { text: string; ids: number[]; decoded: string }[];
};

function open(more: Readonly<Record<string, GgufInput>> = {}): Tokenizer {
  const metadata = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": fixture.tokens,
    "tokenizer.ggml.scores": { float32s: fixture.scores },
    "tokenizer.ggml.token_type": { int32s: fixture.kinds },
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    ...more,
  };
  const tokenizer = readGgufTokenizer(readGguf(folder.write("tokenizer.gguf", ggufBytes({ metadata, tensors: [] }))));
  if (tokenizer === null) throw new Error("no tokenizer");
  return tokenizer;
}

describe("a SentencePiece vocabulary out of a GGUF", () => {
  const tokenizer = open();

  it.each(fixture.cases)("encodes $text as sentencepiece does", ({ text, ids, decoded }) => {
    expect(tokenizer.encode(text, { addSpecial: false })).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  it("puts a BOS first unless the file says otherwise", () => {
    expect(tokenizer.addsBos).toBe(true);
    expect(tokenizer.encode("data")[0]).toBe(1);
    expect(open({ "tokenizer.ggml.add_bos_token": false }).addsBos).toBe(false);
  });

  it("knows control tokens in the text", () => {
    const ids = tokenizer.encode("</s>", { addSpecial: false });
    expect(ids).toEqual([2]);
    expect(tokenizer.eosIds).toEqual([2]);
  });

  it("puts no space in front without add_space_prefix", () => {
    const bare = open({ "tokenizer.ggml.add_space_prefix": false });
    const ids = bare.encode("data", { addSpecial: false });
    expect(bare.tokenString(ids[0] ?? -1)?.startsWith("▁")).toBe(false);
    expect(bare.decode(ids)).toBe("data");
  });

  it("gives the bytes of every token", () => {
    const { bytes, offsets } = tokenizer.tokenBytes();
    const text = (id: number) => Buffer.from(bytes.subarray(offsets[id], offsets[id + 1]));
    expect([...text(fixture.tokens.indexOf("<0xE4>"))]).toEqual([0xe4]);
    const the = fixture.tokens.indexOf("▁the");
    expect(text(the).toString()).toBe(" the");
    const text60 = fixture.cases.find(({ text: sample }) => sample.includes("你好"))?.ids ?? [];
    expect(Buffer.concat(text60.map(text)).toString()).toBe(" café 你好 😀");
  });

  it("refuses a vocabulary it can't use", () => {
    expect(() => open({ "tokenizer.ggml.scores": { float32s: [1] } })).toThrow(
      /tokenizer\.ggml\.scores to list a number for each of 700 tokens/,
    );
    expect(() => open({ "tokenizer.ggml.model": "t5" })).toThrow(/tokenizer of the kind "t5", which is not supported/);
    expect(() =>
      open({ "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "strange", "tokenizer.ggml.merges": [] }),
    ).toThrow(/pre-tokenizer "strange", which is not supported/);
    expect(() => open({ "tokenizer.ggml.model": "gpt2" })).toThrow(/tokenizer\.ggml\.merges, but it is missing/);
  });
});
