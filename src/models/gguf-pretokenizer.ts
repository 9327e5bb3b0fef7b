// How a byte-level BPE cuts a text before merging, by the name GGUF gives it (`tokenizer.ggml.pre`). The patterns are those of the models' own
// tokenizer.json files. A new kind is one line in KINDS.

import { InputError } from "../base/error.js";

export interface Pretokenizer {
  /** tokenizer.json's normalizer, or null. */
  readonly normalizer: object | null;
  /** Steps of tokenizer.json's pre_tokenizer; the last one turns bytes into stand-in characters. */
  readonly steps: readonly object[];
  /** A piece that is a token as it stands is not merged from its parts. */
  readonly ignoreMerges: boolean;
}

const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const GPT2_STEP = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const BYTES_STEP = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const DIGITS_STEP = { type: "Digits", individual_digits: true };

function splitting(pattern: string): object {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

const GPT2: Pretokenizer = { normalizer: null, steps: [GPT2_STEP], ignoreMerges: false };
const DIGITS_THEN_GPT2: Pretokenizer = { normalizer: null, steps: [DIGITS_STEP, GPT2_STEP], ignoreMerges: false };
const QWEN2: Pretokenizer = {
  normalizer: { type: "NFC" },
  steps: [splitting(QWEN2_PATTERN), BYTES_STEP],
  ignoreMerges: false,
};
const LLAMA3: Pretokenizer = { normalizer: null, steps: [splitting(LLAMA3_PATTERN), BYTES_STEP], ignoreMerges: true };

const KINDS: Readonly<Record<string, Pretokenizer>> = {
  "gpt-2": GPT2,
  default: GPT2,
  smollm: DIGITS_THEN_GPT2,
  starcoder: DIGITS_THEN_GPT2,
  refact: DIGITS_THEN_GPT2,
  "command-r": DIGITS_THEN_GPT2,
  qwen2: QWEN2,
  "deepseek-r1-qwen": QWEN2,
  "llama-bpe": LLAMA3,
  llama3: LLAMA3,
  "llama-v3": LLAMA3,
};

/** The steps for a kind; an unknown one is an error, because a wrong cut gives wrong tokens silently. */
export function pretokenizerSteps(path: string, kind: string): Pretokenizer {
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known !== undefined) return known;
  throw new InputError(
    "tokenizer",
    `${path} cuts text by the pre-tokenizer "${kind}", which is not supported; known are ${Object.keys(KINDS).join(", ")}. Use the model's Hugging Face folder with its tokenizer.json instead.`,
  );
}
