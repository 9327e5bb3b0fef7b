// A model as a Hugging Face folder: its weights with an adapter folded in, its configuration and its tokenizer's files. Memory holds a tensor at a time.
// config.json comes last, so that an interrupted export is no model.
import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { throwIfInterrupted } from "../base/interrupted.js";
import { writeJson } from "../base/write-file.js";
import { readGguf } from "../formats/gguf.js";
import { readJsonObject } from "../formats/json.js";
import { exists } from "../formats/open-file.js";
import { type WrittenType, writeSafetensorsFolder } from "../formats/safetensors-folder.js";
import { configFromGguf } from "../models/hf-config.js";
import type { ModelPackage } from "../models/package.js";
import { ggufTokenizerFiles } from "../models/tokenizer-gguf.js";
import type { StoredAdapter } from "./adapter-folder.js";
import { mergedWeights } from "./merged-weights.js";

export interface ExportJob {
  readonly model: ModelPackage;
  /** Null: the model's own weights. */
  readonly adapter: StoredAdapter | null;
  readonly folder: string;
  /** Null: the model's own where it is one of the two, else f32. */
  readonly type: WrittenType | null;
  /** Most bytes of tensors in a file. */
  readonly shardBytes: number;
  readonly onTensor?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Names of the files written, in the folder. */
export async function exportModel(job: ExportJob): Promise<string[]> {
  const { model, folder } = job;
  const valuesOf = mergedWeights(model, job.adapter);
  const type = job.type ?? ownType(model);
  const files = model.path.endsWith(".gguf") ? ggufFiles(model) : await folderFiles(model);
  let done = 0;
  const weights = await writeSafetensorsFolder({
    folder,
    type,
    tensors: model.weights,
    shardBytes: job.shardBytes,
    valuesOf: async (name) => {
      throwIfInterrupted(job.signal, "The export was interrupted; run the same command again to begin it anew.");
      const values = await valuesOf(name);
      job.onTensor?.(++done, model.weights.length);
      return values;
    },
  });
  for (const [name, value] of files.written) await writeJson(join(folder, name), value);
  for (const path of files.copied) await copyFile(path, join(folder, basename(path)));
  const torchType = type === "f32" ? "float32" : "bfloat16";
  // The old name of the key and the new one: readers know one of them.
  await writeJson(join(folder, "config.json"), { ...files.config, torch_dtype: torchType, dtype: torchType });
  return [
    ...weights,
    ...files.written.map(([name]) => name),
    ...files.copied.map((path) => basename(path)),
    "config.json",
  ];
}

function ownType({ weights }: ModelPackage): WrittenType {
  return weights.every(({ type, shape }) => type === "bf16" || shape.length === 1) ? "bf16" : "f32";
}

interface SideFiles {
  readonly config: Readonly<Record<string, unknown>>;
  readonly written: readonly (readonly [string, unknown])[];
  readonly copied: readonly string[];
}

/** What a model folder may have beside weights and configuration. */
const companions = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.json",
  "chat_template.jinja",
  "tokenizer.model",
  "vocab.json",
  "merges.txt",
];

async function folderFiles({ path }: ModelPackage): Promise<SideFiles> {
  const { quantization_config: _, ...config } = await readJsonObject("model configuration", join(path, "config.json"));
  const copied: string[] = [];
  for (const name of companions) if (await exists(join(path, name))) copied.push(join(path, name));
  return { config, written: [], copied };
}

function ggufFiles({ path, spec, weights, generationDefaults }: ModelPackage): SideFiles {
  const file = readGguf(path);
  const hasBias = weights.some(({ name }) => name.endsWith("_proj.bias"));
  const config = configFromGguf(file, spec, hasBias);
  const tokenizer = ggufTokenizerFiles(file);
  const generation = { bos_token_id: config.bos_token_id, eos_token_id: [...generationDefaults.eosIds] };
  const written: (readonly [string, unknown])[] = [["generation_config.json", generation]];
  if (tokenizer !== null)
    written.push(["tokenizer.json", tokenizer.tokenizer], ["tokenizer_config.json", tokenizer.config]);
  return { config, written, copied: [] };
}
