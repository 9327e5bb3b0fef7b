// A model ready to be loaded by the engine: its spec, its files, where each tensor lies, and its tokenizer. From a Hugging Face folder or a GGUF.

import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { InputError } from "../base/error.js";
import { readGguf } from "../formats/gguf.js";
import { readSafetensorsFolder } from "../formats/safetensors-index.js";
import type { ModelSpec, WeightEntry } from "../native/types.js";
import { readModelConfig } from "./config.js";
import { selectTensors } from "./expected-tensors.js";
import { fingerprintModel } from "./fingerprint.js";
import { readGgufModel } from "./gguf-spec.js";
import type { Tokenizer } from "./tokenizer.js";
import { readEndIds, readFolderTokenizer } from "./tokenizer-folder.js";
import { readGgufTokenizer } from "./tokenizer-gguf.js";
import { weightEntry } from "./weight-entry.js";

export interface ModelPackage {
  /** Short name for tables and messages: the folder's or the file's own. */
  readonly name: string;
  /** Absolute path of the folder or file. */
  readonly path: string;
  readonly files: readonly string[];
  readonly spec: ModelSpec;
  readonly weights: readonly WeightEntry[];
  /** Null: the model serves rows of tokens only. */
  readonly tokenizer: Tokenizer | null;
  readonly generationDefaults: {
    /** Tokens that end an answer. */
    readonly eosIds: readonly number[];
  };
  /** Changes when the spec or any tensor changes; see fingerprint.ts. */
  readonly fingerprint: string;
}

/** Opens a folder or .gguf file; no tensor is read but for the fingerprint's samples. */
export async function openModelFiles(path: string): Promise<ModelPackage> {
  const absolute = resolve(path);
  const info = await stat(absolute).catch(() => null);
  if (info === null)
    throw new InputError(
      "model_missing",
      `Expected a model folder or .gguf file at ${absolute}, but there is nothing.`,
    );
  return info.isDirectory() ? openFolder(absolute) : openGguf(absolute);
}

async function openGguf(path: string): Promise<ModelPackage> {
  const file = readGguf(path);
  const { spec, weights } = await readGgufModel(file);
  const tokenizer = readGgufTokenizer(file);
  const eos = file.metadata.get("tokenizer.ggml.eos_token_id");
  const eosIds = tokenizer?.eosIds ?? (typeof eos === "number" ? [eos] : []);
  const name = basename(path).replace(/\.gguf$/i, "");
  return {
    name,
    path,
    files: [path],
    spec,
    weights,
    tokenizer,
    generationDefaults: { eosIds },
    fingerprint: await fingerprintModel([path], spec, weights),
  };
}

async function openFolder(path: string): Promise<ModelPackage> {
  const description = await readModelConfig(path);
  const { spec } = description;
  const { files, tensors } = await readSafetensorsFolder(path);
  const weights = selectTensors(
    path,
    description,
    tensors.map((tensor) => weightEntry(path, tensor)),
  );
  const tokenizer = await readFolderTokenizer(path);
  const eosIds = tokenizer?.eosIds ?? (await readEndIds(path));
  return {
    name: basename(path),
    path,
    files,
    spec,
    weights,
    tokenizer,
    generationDefaults: { eosIds },
    fingerprint: await fingerprintModel(files, spec, weights),
  };
}
