// The tensors of a model folder: one model.safetensors, or shards listed by model.safetensors.index.json.

import { basename, join } from "node:path";
import { InputError } from "../base/error.js";
import { isRecord, readJsonObject } from "./json.js";
import { exists } from "./open-file.js";
import { readSafetensors, type SafetensorsTensor } from "./safetensors.js";

export interface ShardedTensor extends SafetensorsTensor {
  /** Index into `files`. */
  readonly file: number;
}

export interface SafetensorsFolder {
  readonly files: readonly string[];
  readonly tensors: readonly ShardedTensor[];
}

/** Reads all headers of a folder's model; a tensor in two shards, or listed but absent, is an error. */
export async function readSafetensorsFolder(folder: string): Promise<SafetensorsFolder> {
  const index = join(folder, "model.safetensors.index.json");
  const single = join(folder, "model.safetensors");
  if (await exists(single)) return readFiles([single]);
  if (await exists(index)) return readShards(folder, index);
  throw new InputError(
    "model_missing",
    `Expected model.safetensors or model.safetensors.index.json in ${folder}, but there is neither; weights of other formats (.bin, .pt) must be converted to safetensors first.`,
  );
}

async function readShards(folder: string, index: string): Promise<SafetensorsFolder> {
  const { weight_map: map } = await readJsonObject("index of shards", index);
  if (!isRecord(map)) throw new InputError("safetensors_index", `${index}: expected an object weight_map.`);
  const names = [...new Set(Object.values(map))].map((name) => {
    if (typeof name === "string" && name === basename(name)) return name;
    throw new InputError(
      "safetensors_index",
      `${index}: expected the name of a file in the same folder in weight_map but found ${JSON.stringify(name)}.`,
    );
  });
  const shards = await readFiles(names.sort().map((name) => join(folder, name)));
  const places = new Map(shards.tensors.map((tensor) => [tensor.name, tensor.file]));
  for (const [tensor, name] of Object.entries(map)) {
    const file = places.get(tensor);
    if (file === undefined || shards.files[file] !== join(folder, String(name))) {
      throw new InputError(
        "safetensors_index",
        `${index} places tensor ${tensor} in ${String(name)}, but it is not there; fetch the model again.`,
      );
    }
  }
  return shards;
}

async function readFiles(files: readonly string[]): Promise<SafetensorsFolder> {
  const seen = new Map<string, string>();
  const tensors: ShardedTensor[] = [];
  for (const [i, path] of files.entries()) {
    for (const tensor of (await readSafetensors(path)).tensors) {
      const earlier = seen.get(tensor.name);
      if (earlier !== undefined)
        throw new InputError("tensor_twice", `Tensor ${tensor.name} is both in ${earlier} and in ${path}.`);
      seen.set(tensor.name, path);
      tensors.push({ ...tensor, file: i });
    }
  }
  return { files, tensors };
}
