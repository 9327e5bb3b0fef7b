// Small tokenizers made by hand for tests: a byte-level one and a SentencePiece-like one.
import { createTokenizer, type Tokenizer, type TokenizerFacts } from "../../src/models/tokenizer.js";

const NO_FACTS: TokenizerFacts = {
  bosToken: "<s>",
  eosToken: "</s>",
  endIds: [],
  addBos: null,
  addEos: null,
  chatTemplate: null,
};

function added(id: number, content: string, special = true): object {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** Bytes as GPT-2's stand-in characters, in order, after `<s>` and `</s>`. */
export function byteLevelVocabulary(): Record<string, number> {
  const vocabulary: Record<string, number> = { "<s>": 0, "</s>": 1 };
  let spare = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    vocabulary[String.fromCharCode(printable ? byte : spare++)] = byte + 2;
  }
  return { ...vocabulary, he: 258, Ġhe: 259, "<tool>": 260 };
}

export const byteLevelJson = {
  version: "1.0",
  added_tokens: [added(0, "<s>"), added(1, "</s>"), added(260, "<tool>", false)],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null as object | null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    byte_fallback: false,
    vocab: byteLevelVocabulary(),
    merges: [
      ["h", "e"],
      ["Ġ", "he"],
    ],
  },
};

export function byteLevelTokenizer(facts: Partial<TokenizerFacts>, postProcessor: object | null = null): Tokenizer {
  return createTokenizer("made up", { ...byteLevelJson, post_processor: postProcessor }, { ...NO_FACTS, ...facts });
}

/** What Llama's tokenizer.json says to put a BOS first. */
export const bosFirst = {
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [
    { SpecialToken: { id: "<s>", type_id: 0 } },
    { Sequence: { id: "A", type_id: 0 } },
    { Sequence: { id: "B", type_id: 1 } },
  ],
  special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
};
