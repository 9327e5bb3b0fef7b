// What `--model` means: a folder, a .gguf file, an alias or a hub id → a path on this machine, fetched where need be.

import { resolve } from "node:path";
import { InputError } from "../base/error.js";
import { exists } from "../formats/open-file.js";
import { findAlias, listAliases } from "./aliases.js";
import { fetchAlias } from "./fetch-alias.js";
import type { FetchProgress } from "./fetch-progress.js";
import { fetchHubModel, isHubModel } from "./hub-model.js";
import { type ModelPackage, openModelFiles } from "./package.js";

export interface ResolveOptions {
  readonly onProgress?: FetchProgress;
}

/** Opens whatever `--model` names. */
export async function openModel(name: string, options: ResolveOptions = {}): Promise<ModelPackage> {
  return openModelFiles(await resolveModel(name, options));
}

/** The folder or file that `--model` names. A path that exists wins over an alias, an alias over a hub id. */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<string> {
  if (name.trim() === "")
    throw new InputError("model_missing", "Expected a model: a folder, a .gguf file, a hub id or an alias.");
  const path = resolve(name);
  if (await exists(path)) return path;
  const alias = findAlias(name);
  if (alias !== null) return fetchAlias(alias, options.onProgress);
  if (isHubModel(name)) return fetchHubModel(name, options.onProgress);
  const known = listAliases().map((other) => other.name);
  throw new InputError(
    "model_missing",
    `Expected a model folder, a .gguf file, a hub id (owner/name) or an alias (${known.join(", ")}) but found nothing called ${name}.`,
  );
}
