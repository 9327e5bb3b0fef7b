// A sentence encoder ready to be loaded by the engine, from a folder as sentence-transformers publishes it: a BERT, the mean of its tokens'
// last states, at unit length. Any other pooling is refused.

import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { InputError } from "../base/error.js";
import { isRecord, readJson, readJsonObject } from "../formats/json.js";
import { exists } from "../formats/open-file.js";
import { readSafetensorsFolder } from "../formats/safetensors-index.js";
import type { EncoderSpec, WeightEntry } from "../native/types.js";
import { ConfigReader } from "./config-reader.js";
import { DEFAULT_ENCODER, findEncoderAlias, listEncoderAliases } from "./encoder-aliases.js";
import { selectExpected } from "./expected-tensors.js";
import { fetchEncoder } from "./fetch-encoder.js";
import type { FetchProgress } from "./fetch-progress.js";
import { fingerprintModel } from "./fingerprint.js";
import { createTokenizer, type Tokenizer } from "./tokenizer.js";
import { weightEntry } from "./weight-entry.js";

export interface EncoderPackage {
  /** The folder's own name. */
  readonly name: string;
  readonly path: string;
  readonly files: readonly string[];
  readonly spec: EncoderSpec;
  readonly weights: readonly WeightEntry[];
  /** Longer texts are cut to so many tokens, the special ones counted. */
  readonly maxTokens: number;
  /** A text's ids as the encoder takes them: cut, special tokens around them. */
  readonly encode: (text: string) => number[];
  /** Changes when the spec or any tensor changes; see fingerprint.ts. */
  readonly fingerprint: string;
}

/** Opens a folder, or what an alias means, fetched where need be. A path that exists wins over an alias. */
export async function openEncoderModel(
  name: string = DEFAULT_ENCODER,
  options: { readonly onProgress?: FetchProgress } = {},
): Promise<EncoderPackage> {
  const path = resolve(name);
  if (name.trim() !== "" && (await exists(path))) return openEncoderFolder(path);
  const alias = findEncoderAlias(name);
  if (alias !== null) return openEncoderFolder(await fetchEncoder(alias, options.onProgress));
  const known = listEncoderAliases().map((other) => other.name);
  throw new InputError(
    "model_missing",
    `Expected an encoder's folder or an alias (${known.join(", ")}) but found nothing called ${JSON.stringify(name)}.`,
  );
}

/** Opens a folder; no tensor is read but for the fingerprint's samples. */
export async function openEncoderFolder(folder: string): Promise<EncoderPackage> {
  const path = resolve(folder);
  if (!(await stat(path).catch(() => null))?.isDirectory())
    throw new InputError("model_missing", `Expected an encoder's folder at ${path}, but there is none.`);
  const spec = await readSpec(path);
  await requireMeanPooling(path);
  const maxTokens = Math.min(spec.maxPositions, await readLimit(path));
  const { files, tensors } = await readSafetensorsFolder(path);
  const entries = tensors
    .map((tensor) => ({ ...tensor, name: tensor.name.replace(/^bert\./, "") }))
    .filter(({ name }) => !isSurplus(name))
    .map((tensor) => weightEntry(path, tensor));
  const weights = selectExpected(path, spec.architecture, expectedEncoderTensors(spec), entries, isSurplus);
  const tokenizer = await readTokenizer(path);
  return {
    name: basename(path),
    path,
    files,
    spec,
    weights,
    maxTokens,
    encode: (text) => tokenizer.encode(text, { maxTokens }),
    fingerprint: await fingerprintModel(files, spec, weights),
  };
}

async function readSpec(path: string): Promise<EncoderSpec> {
  const file = join(path, "config.json");
  const config = new ConfigReader(file, await readJsonObject("model configuration", file));
  config.only("model_type", ["bert"], "is no sentence encoder that can be run; expected bert");
  config.only("hidden_act", ["gelu"], "is not supported; expected gelu");
  config.only("position_embedding_type", ["absolute"], "is not supported; expected absolute");
  const spec = {
    architecture: config.text("model_type"),
    vocabSize: config.size("vocab_size"),
    width: config.size("hidden_size"),
    heads: config.size("num_attention_heads"),
    innerWidth: config.size("intermediate_size"),
    layers: config.size("num_hidden_layers"),
    maxPositions: config.size("max_position_embeddings"),
    segmentTypes: config.size("type_vocab_size", 2),
    normEpsilon: config.positive("layer_norm_eps", 1e-12),
  };
  if (spec.width % spec.heads !== 0)
    config.fault("num_attention_heads", `${spec.heads} does not divide hidden_size ${spec.width}`);
  config.throwFaults("this encoder configuration can't be used");
  return spec;
}

/** max_seq_length of sentence_bert_config.json; without one, only the positions limit a text. */
async function readLimit(path: string): Promise<number> {
  const file = join(path, "sentence_bert_config.json");
  if (!(await exists(file))) return Number.POSITIVE_INFINITY;
  const config = new ConfigReader(file, await readJsonObject("encoder configuration", file));
  if (!config.has("max_seq_length")) return Number.POSITIVE_INFINITY;
  const limit = config.size("max_seq_length");
  config.throwFaults("this encoder configuration can't be used");
  return limit;
}

/** modules.json and the pooling's own configuration, where the folder has them. */
async function requireMeanPooling(path: string): Promise<void> {
  const list = join(path, "modules.json");
  const modules = (await exists(list)) ? await readJson("list of modules", list) : [];
  const names = (Array.isArray(modules) ? modules : [modules]).map((module) =>
    isRecord(module) && typeof module.type === "string" ? (module.type.split(".").at(-1) ?? "") : "?",
  );
  const other = names.find((name) => !["Transformer", "Pooling", "Normalize"].includes(name));
  if (other !== undefined)
    throw new InputError(
      "model_config",
      `${list}: expected the modules Transformer, Pooling and Normalize but found ${other}, which can't be run.`,
    );
  const file = join(path, "1_Pooling", "config.json");
  if (!(await exists(file))) return;
  const modes = Object.entries(await readJsonObject("pooling configuration", file))
    .filter(([key, value]) => key.startsWith("pooling_mode_") && value === true)
    .map(([key]) => key);
  if (modes.join() !== "pooling_mode_mean_tokens")
    throw new InputError(
      "model_config",
      `${file}: expected pooling_mode_mean_tokens alone but found ${modes.join(", ") || "no pooling mode"}.`,
    );
}

/** Name → shape of every tensor, without the pooler, which mean pooling does not use. */
export function expectedEncoderTensors(spec: EncoderSpec): Map<string, readonly number[]> {
  const { width, innerWidth } = spec;
  const expected = new Map<string, readonly number[]>([
    ["embeddings.word_embeddings.weight", [spec.vocabSize, width]],
    ["embeddings.position_embeddings.weight", [spec.maxPositions, width]],
    ["embeddings.token_type_embeddings.weight", [spec.segmentTypes, width]],
  ]);
  const norm = (name: string): void => {
    for (const part of ["weight", "bias"]) expected.set(`${name}.LayerNorm.${part}`, [width]);
  };
  const linear = (name: string, out: number, input: number): void => {
    expected.set(`${name}.weight`, [out, input]);
    expected.set(`${name}.bias`, [out]);
  };
  norm("embeddings");
  for (let layer = 0; layer < spec.layers; layer++) {
    const prefix = `encoder.layer.${layer}`;
    for (const part of ["query", "key", "value"]) linear(`${prefix}.attention.self.${part}`, width, width);
    linear(`${prefix}.attention.output.dense`, width, width);
    norm(`${prefix}.attention.output`);
    linear(`${prefix}.intermediate.dense`, innerWidth, width);
    linear(`${prefix}.output.dense`, width, innerWidth);
    norm(`${prefix}.output`);
  }
  return expected;
}

function isSurplus(name: string): boolean {
  return name === "embeddings.position_ids" || name.startsWith("pooler.");
}

async function readTokenizer(path: string): Promise<Tokenizer> {
  const file = join(path, "tokenizer.json");
  // Truncation and padding as the file was saved with are not the encoder's.
  const { truncation, padding, ...json } = await readJsonObject("tokenizer", file);
  const none = { bosToken: null, eosToken: null, endIds: [], addBos: null, addEos: null, chatTemplate: null };
  return createTokenizer(file, json, none);
}
