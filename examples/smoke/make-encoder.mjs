// Writes the stand-in encoder of `--scale smoke` into encoder/: a BERT of made-up numbers that reads letter by letter, 60 KB. Deterministic.
// Its similarities mean nothing; they show that the way from answers to a histogram works without fetching an encoder of 90 MB.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = process.argv[2] ?? fileURLToPath(new URL("encoder", import.meta.url));
const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const marks = [..."!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"];
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
const words = [...special, ...letters, ...letters.map((letter) => `##${letter}`), ...marks];
const [width, inner, positions] = [32, 64, 256];

/** mulberry32, from −1 to 1. */
let state = 20240621;
function next() {
  state = (state + 0x6d2b79f5) >>> 0;
  let word = Math.imul(state ^ (state >>> 15), state | 1);
  word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
  return ((word ^ (word >>> 14)) >>> 0) / 2 ** 31 - 1;
}

const layer = "encoder.layer.0";
const norm = (name) => [
  [`${name}.LayerNorm.weight`, [width], () => 1],
  [`${name}.LayerNorm.bias`, [width], () => 0],
];
const linear = (name, out, input) => [
  [`${name}.weight`, [out, input], () => next() * Math.sqrt(3 / input)],
  [`${name}.bias`, [out], () => 0],
];
const tensors = [
  ["embeddings.word_embeddings.weight", [words.length, width], next],
  // Small, so that texts that differ in letters differ more than texts that differ in length.
  ["embeddings.position_embeddings.weight", [positions, width], () => 0.1 * next()],
  ["embeddings.token_type_embeddings.weight", [2, width], () => 0],
  ...norm("embeddings"),
  ...["query", "key", "value"].flatMap((part) => linear(`${layer}.attention.self.${part}`, width, width)),
  ...linear(`${layer}.attention.output.dense`, width, width),
  ...norm(`${layer}.attention.output`),
  ...linear(`${layer}.intermediate.dense`, inner, width),
  ...linear(`${layer}.output.dense`, width, inner),
  ...norm(`${layer}.output`),
];

/** Stored as F16 would be smaller, but F32 needs no conversion here. */
function safetensors() {
  const header = {};
  const parts = [];
  let offset = 0;
  for (const [name, shape, value] of tensors) {
    const values = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, value);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + values.byteLength] };
    parts.push(Buffer.from(values.buffer));
    offset += values.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, " ")]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([size, padded, ...parts]);
}

const config = {
  model_type: "bert",
  hidden_act: "gelu",
  vocab_size: words.length,
  hidden_size: width,
  num_attention_heads: 2,
  num_hidden_layers: 1,
  intermediate_size: inner,
  max_position_embeddings: positions,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
};
const tokenizer = {
  version: "1.0",
  added_tokens: special.map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })),
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: {
    type: "TemplateProcessing",
    single: [
      { SpecialToken: { id: "[CLS]", type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "[SEP]", type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
      "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] },
    },
  },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
  },
};

mkdirSync(folder, { recursive: true });
const write = (name, value) => writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
write("config.json", config);
write("sentence_bert_config.json", { max_seq_length: positions });
write("tokenizer.json", tokenizer);
writeFileSync(join(folder, "model.safetensors"), safetensors());
