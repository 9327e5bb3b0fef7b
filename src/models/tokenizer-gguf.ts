// The tokenizer of a GGUF's metadata, rebuilt as the tokenizer.json that transformers would have had.

import { InputError } from "../base/error.js";
import type { GgufFile } from "../formats/gguf.js";
import type { GgufValue } from "../formats/gguf-cursor.js";
import { pretokenizerSteps } from "./gguf-pretokenizer.js";
import { mergesFromScores } from "./sentencepiece-merges.js";
import { createTokenizer, type Tokenizer, type TokenizerFacts } from "./tokenizer.js";

/** Token kinds of llama.cpp. */
const CONTROL = 3;
const USER_DEFINED = 4;

/** Null where the file has no vocabulary: such a model serves rows of tokens. */
export function readGgufTokenizer(file: GgufFile): Tokenizer | null {
  const found = readParts(file);
  return found === null ? null : createTokenizer(file.path, found.json, found.facts, found.vocabulary);
}

/** What a Hugging Face folder would have: tokenizer.json and tokenizer_config.json; null where the file has no vocabulary. */
export function ggufTokenizerFiles(file: GgufFile): { readonly tokenizer: object; readonly config: object } | null {
  const found = readParts(file);
  if (found === null) return null;
  const { json, facts, vocabulary } = found;
  // Where a token stands twice, its first id counts.
  const vocab = Object.fromEntries(vocabulary.map((token, id): [string, number] => [token, id]).reverse());
  const beginsWith = facts.addBos && facts.bosToken !== null ? [facts.bosToken] : [];
  const endsWith = facts.addEos && facts.eosToken !== null ? [facts.eosToken] : [];
  return {
    tokenizer: {
      ...json,
      model: { ...json.model, vocab },
      post_processor: surroundings(beginsWith, endsWith, vocab),
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      add_bos_token: facts.addBos,
      add_eos_token: facts.addEos,
      bos_token: facts.bosToken,
      eos_token: facts.eosToken,
      clean_up_tokenization_spaces: false,
      ...(facts.chatTemplate === null ? {} : { chat_template: facts.chatTemplate }),
    },
  };
}

function surroundings(
  before: readonly string[],
  after: readonly string[],
  vocab: Readonly<Record<string, number>>,
): object | null {
  if (before.length + after.length === 0) return null;
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
  const sequence = (id: string): object[] => [
    ...before.map(special),
    { Sequence: { id, type_id: 0 } },
    ...after.map(special),
  ];
  const tokens = [...new Set([...before, ...after])].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }]);
  return {
    type: "TemplateProcessing",
    single: sequence("A"),
    pair: [...sequence("A"), ...sequence("B")],
    special_tokens: Object.fromEntries(tokens),
  };
}

interface TokenizerJson extends Readonly<Record<string, unknown>> {
  readonly model: object;
}

interface TokenizerParts {
  /** tokenizer.json, but for its vocabulary. */
  readonly json: TokenizerJson;
  readonly facts: TokenizerFacts & { readonly addBos: boolean; readonly addEos: boolean };
  readonly vocabulary: readonly string[];
}

function readParts(file: GgufFile): TokenizerParts | null {
  const model = file.metadata.get("tokenizer.ggml.model");
  if (model === undefined || model === "no_vocab" || model === "none") return null;
  const vocabulary = readVocabulary(file);
  const flag = (key: string): boolean | null => {
    const value = file.metadata.get(`tokenizer.ggml.${key}`);
    return typeof value === "boolean" ? value : null;
  };
  const bosToken = namedToken(file, vocabulary.tokens, "bos_token_id");
  const eosToken = namedToken(file, vocabulary.tokens, "eos_token_id");
  const endIds = ["eot_token_id", "eom_token_id"]
    .map((key) => file.metadata.get(`tokenizer.ggml.${key}`))
    .filter((id) => typeof id === "number");
  const template = file.metadata.get("tokenizer.chat_template");
  const build = model === "gpt2" ? byteLevelJson : model === "llama" ? sentencePieceJson : null;
  if (build === null) {
    throw new InputError(
      "tokenizer",
      `${file.path} has a tokenizer of the kind ${JSON.stringify(model)}, which is not supported; known are gpt2 (byte-level BPE) and llama (SentencePiece BPE).`,
    );
  }
  const facts = {
    bosToken,
    eosToken,
    endIds,
    // llama.cpp's defaults where the key is absent: SentencePiece models add a BOS; byte-level ones only with Llama 3's pre-tokenizer.
    addBos: flag("add_bos_token") ?? (model === "llama" || file.metadata.get("tokenizer.ggml.pre") === "llama-bpe"),
    addEos: flag("add_eos_token") ?? false,
    chatTemplate: typeof template === "string" ? template : null,
  };
  return { json: build(file, vocabulary), facts, vocabulary: vocabulary.tokens };
}

interface Vocabulary {
  readonly tokens: readonly string[];
  /** Kind of each token; empty where the file has none. */
  readonly kinds: readonly GgufValue[];
}

function readVocabulary(file: GgufFile): Vocabulary {
  const tokens = stringList(file, "tokens");
  const kinds = file.metadata.get("tokenizer.ggml.token_type") ?? [];
  if (!Array.isArray(kinds) || (kinds.length > 0 && kinds.length !== tokens.length)) {
    throw new InputError(
      "tokenizer",
      `${file.path}: expected tokenizer.ggml.token_type to list a kind for each of ${tokens.length} tokens.`,
    );
  }
  return { tokens, kinds };
}

function stringList(file: GgufFile, key: string): readonly string[] {
  const value = file.metadata.get(`tokenizer.ggml.${key}`);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new InputError(
    "tokenizer",
    `${file.path}: expected a list of strings as tokenizer.ggml.${key}${value === undefined ? ", but it is missing" : ""}.`,
  );
}

function namedToken(file: GgufFile, tokens: readonly string[], key: string): string | null {
  const id = file.metadata.get(`tokenizer.ggml.${key}`);
  return typeof id === "number" ? (tokens[id] ?? null) : null;
}

/** Control and user-defined tokens are recognised in the text before anything else is split. */
function addedTokens({ tokens, kinds }: Vocabulary): object[] {
  return tokens.flatMap((content, id) => {
    const kind = kinds[id];
    if (kind !== CONTROL && kind !== USER_DEFINED) return [];
    return [
      { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: kind === CONTROL },
    ];
  });
}

function byteLevelJson(file: GgufFile, vocabulary: Vocabulary): TokenizerJson {
  const kind = file.metadata.get("tokenizer.ggml.pre") ?? "default";
  const { normalizer, steps, ignoreMerges } = pretokenizerSteps(file.path, String(kind));
  return {
    version: "1.0",
    added_tokens: addedTokens(vocabulary),
    normalizer,
    pre_tokenizer: { type: "Sequence", pretokenizers: steps },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: {}, // filled by id, see createTokenizer
      merges: stringList(file, "merges").map((merge) => splitMerge(merge)),
    },
  };
}

/** `Ġ t` → two tokens; the space that parts them is the first one after at least one character. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(" ", 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
}

/** Llama 2's tokenizer.json: every text gets a ▁ in front (unless add_space_prefix is false), unknown characters fall back to bytes. */
function sentencePieceJson(file: GgufFile, vocabulary: Vocabulary): TokenizerJson {
  const { tokens, kinds } = vocabulary;
  const scores = file.metadata.get("tokenizer.ggml.scores");
  if (
    !Array.isArray(scores) ||
    scores.length !== tokens.length ||
    !scores.every((score) => typeof score === "number")
  ) {
    throw new InputError(
      "tokenizer",
      `${file.path}: expected tokenizer.ggml.scores to list a number for each of ${tokens.length} tokens.`,
    );
  }
  const prefixed = file.metadata.get("tokenizer.ggml.add_space_prefix") !== false;
  const unknown = file.metadata.get("tokenizer.ggml.unknown_token_id");
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    version: "1.0",
    added_tokens: addedTokens(vocabulary),
    normalizer: prefixed ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, replace] } : replace,
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefixed ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      unk_token: typeof unknown === "number" ? (tokens[unknown] ?? null) : null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: {}, // filled by id, see createTokenizer
      merges: mergesFromScores(tokens, scores, kinds),
    },
  };
}
