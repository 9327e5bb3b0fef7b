// config.json of a Hugging Face folder → ModelDescription.

import { join } from "node:path";
import { InputError } from "../base/error.js";
import { readJsonObject } from "../formats/json.js";
import type { ModelDescription } from "./architectures/architecture.js";
import { ARCHITECTURES, findArchitecture } from "./architectures/registry.js";
import { ConfigReader } from "./config-reader.js";

/** Reads a folder's config.json; all its faults come in one error. */
export async function readModelConfig(folder: string): Promise<ModelDescription> {
  const path = join(folder, "config.json");
  return parseModelConfig(path, await readJsonObject("model configuration", path));
}

/** A configuration already read; `path` is for messages. */
export function parseModelConfig(path: string, values: Readonly<Record<string, unknown>>): ModelDescription {
  const modelType = values.model_type;
  const architecture = typeof modelType === "string" ? findArchitecture(modelType) : null;
  if (architecture === null) {
    const found =
      modelType === undefined
        ? "names no model_type"
        : `has model_type ${JSON.stringify(modelType)}, which is not supported`;
    throw new InputError("model_type", `${path} ${found}; known are ${Object.keys(ARCHITECTURES).join(", ")}.`);
  }
  const reader = new ConfigReader(path, values);
  const description = architecture.readConfig(reader);
  reader.throwFaults("this model configuration can't be used");
  return description;
}
