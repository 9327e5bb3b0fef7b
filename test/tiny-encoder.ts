// A small BERT of made-up numbers in sentence-transformers' layout, and its forward pass in plain double precision.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readFloatTensors, readSafetensors } from "../src/formats/safetensors.js";
import { writeSafetensors } from "../src/formats/safetensors-writer.js";
import { expectedEncoderTensors } from "../src/models/encoder-package.js";

const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "man", "eats", "food", "##s", "dog", "."];

export const tinyEncoderConfig = {
  model_type: "bert",
  hidden_act: "gelu",
  vocab_size: words.length,
  hidden_size: 24,
  num_attention_heads: 3,
  num_hidden_layers: 2,
  intermediate_size: 40,
  max_position_embeddings: 12,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
};

const spec = {
  architecture: "bert",
  vocabSize: words.length,
  width: 24,
  heads: 3,
  innerWidth: 40,
  layers: 2,
  maxPositions: 12,
  segmentTypes: 2,
  normEpsilon: 1e-12,
};

/** Writes the model; `config` replaces keys of config.json. Names get the prefix some checkpoints have, and the tensors that are never read. */
export async function writeTinyEncoder(folder: string, config: Readonly<Record<string, unknown>> = {}): Promise<void> {
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...tinyEncoderConfig, ...config }));
  writeFileSync(join(folder, "sentence_bert_config.json"), JSON.stringify({ max_seq_length: 8 }));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizerJson()));
  const shapes = [...expectedEncoderTensors(spec), ["pooler.dense.weight", [24, 24]] as const];
  const tensors = shapes.map(([name, shape], which) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const centre = name.endsWith("LayerNorm.weight") ? 1 : 0;
    const value = (i: number): number => centre + 0.6 * Math.sin(12.9898 * (i + 1) + 78.233 * which + i * i * 0.37);
    return { name: `bert.${name}`, shape, values: Float32Array.from({ length: count }, (_, i) => value(i)) };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}

function tokenizerJson(): object {
  const special = words.slice(0, 4).map((content, id) => ({
    ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  }));
  return {
    version: "1.0",
    truncation: { max_length: 6, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: { Fixed: 6 }, direction: "Right", pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" },
    added_tokens: special,
    normalizer: {
      ...{ type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
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
}

type Row = readonly number[];

/** The embedding of some ids by BERT's definition. */
export async function embedByDefinition(folder: string, ids: readonly number[]): Promise<number[]> {
  const tensors = await readFloatTensors(await readSafetensors(join(folder, "model.safetensors")));
  const values = (name: string): Float32Array => {
    const tensor = tensors.get(`bert.${name}`);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor.values;
  };
  const { width, heads } = spec;
  const size = width / heads;
  const columns = Array.from({ length: width }, (_, c) => c);
  const at = (list: ArrayLike<number>, index: number): number => list[index] ?? Number.NaN;
  const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);
  const tableRow = (name: string, row: number): Row => {
    const table = values(`embeddings.${name}_embeddings.weight`);
    return columns.map((c) => at(table, row * width + c));
  };
  const norm = (name: string, x: Row): Row => {
    const [weight, bias] = [values(`${name}.LayerNorm.weight`), values(`${name}.LayerNorm.bias`)];
    const mean = sum([...x]) / width;
    const deviation = Math.sqrt(sum(x.map((value) => (value - mean) ** 2)) / width + spec.normEpsilon);
    return x.map((value, c) => ((value - mean) / deviation) * at(weight, c) + at(bias, c));
  };
  const linear = (name: string, x: Row): Row => {
    const [weight, bias] = [values(`${name}.weight`), values(`${name}.bias`)];
    return Array.from(bias, (start, o) => start + sum(x.map((value, i) => value * at(weight, o * x.length + i))));
  };
  const add = (x: Row, y: Row): Row => x.map((value, c) => value + at(y, c));
  let stream: Row[] = ids.map((id, position) =>
    norm("embeddings", add(add(tableRow("word", id), tableRow("token_type", 0)), tableRow("position", position))),
  );
  for (let layer = 0; layer < spec.layers; layer++) {
    const prefix = `encoder.layer.${layer}`;
    const [query, key, value] = ["query", "key", "value"].map((part) =>
      stream.map((row) => linear(`${prefix}.attention.self.${part}`, row)),
    ) as [Row[], Row[], Row[]];
    const attended = query.map((q) =>
      columns.map((c) => {
        const first = c - (c % size);
        const weights = key.map((k) =>
          Math.exp(sum(q.slice(first, first + size).map((x, d) => x * at(k, first + d))) / Math.sqrt(size)),
        );
        return sum(weights.map((weight, row) => weight * at(value[row] ?? [], c))) / sum(weights);
      }),
    );
    stream = stream.map((row, i) => {
      const attention = linear(`${prefix}.attention.output.dense`, attended[i] ?? []);
      const middle = norm(`${prefix}.attention.output`, add(row, attention));
      const inner = linear(`${prefix}.intermediate.dense`, middle).map((x) => 0.5 * x * (1 + erf(x / Math.SQRT2)));
      return norm(`${prefix}.output`, add(middle, linear(`${prefix}.output.dense`, inner)));
    });
  }
  const mean = columns.map((c) => sum(stream.map((row) => at(row, c))) / stream.length);
  const length = Math.hypot(...mean);
  return mean.map((value) => value / length);
}

/** By the series whose terms have one sign, so that nothing cancels. */
function erf(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; n < 300; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}
