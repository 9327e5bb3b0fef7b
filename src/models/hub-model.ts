// A model of the hub: `owner/name` for a folder of safetensors, `owner/name/file.gguf` for one file.

import { basename, join } from "node:path";
import { InputError } from "../base/error.js";
import {
  cachedSnapshot,
  fetchSnapshot,
  type HubRepo,
  HubUnreachable,
  hubEndpoint,
  repoFolder,
} from "../formats/hub.js";
import { exists } from "../formats/open-file.js";
import type { FetchProgress } from "./fetch-progress.js";

/** Whether a name can be a hub model: `owner/name` or `owner/name/…/file.gguf`. */
export function isHubModel(name: string): boolean {
  return /^[\w-][\w.-]*\/[\w.-]+$/.test(name)
    ? !name.endsWith(".gguf")
    : /^[\w-][\w.-]*\/[\w.-]+\/.+\.gguf$/.test(name);
}

/** The local folder or file where the cache has it, else null; nothing is fetched. */
export function cachedHubModel(name: string): Promise<string | null> {
  const { repo, file } = parseName(name);
  return findCached(repo, file);
}

/** The local folder or file, fetched unless the cache has it. */
export async function fetchHubModel(name: string, onProgress?: FetchProgress): Promise<string> {
  const { repo, file } = parseName(name);
  const cached = await findCached(repo, file);
  if (cached !== null) return cached;
  try {
    const folder = await fetchSnapshot(
      repo,
      (names) => chooseFiles(repo, names, file),
      (path, doneBytes, totalBytes) => onProgress?.({ file: basename(path), source: "hub", doneBytes, totalBytes }),
    );
    return file === null ? folder : join(folder, file);
  } catch (error) {
    if (!(error instanceof HubUnreachable)) throw error;
    const what = file === null ? "the model's folder (config.json, *.safetensors, tokenizer.json)" : file;
    throw new InputError(
      "model_unreachable",
      `There is nothing at the path ${name}, and ${error.message}. Fetch ${what} elsewhere and give its path to --model, or put it into ${repoFolder(repo)}/snapshots/main/.`,
      { cause: error },
    );
  }
}

function parseName(name: string): { readonly repo: HubRepo; readonly file: string | null } {
  const [owner = "", repoName = "", ...rest] = name.split("/");
  return {
    repo: { type: "model", name: `${owner}/${repoName}`, revision: "main" },
    file: rest.length > 0 ? rest.join("/") : null,
  };
}

async function findCached(repo: HubRepo, file: string | null): Promise<string | null> {
  const folder = await cachedSnapshot(repo);
  if (folder === null) return null;
  if (file !== null) return (await exists(join(folder, file))) ? join(folder, file) : null;
  const weights = ["model.safetensors", "model.safetensors.index.json"].map((name) => exists(join(folder, name)));
  const complete = (await exists(join(folder, "config.json"))) && (await Promise.all(weights)).includes(true);
  return complete ? folder : null;
}

const SMALL_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|chat_template|model\.safetensors\.index)\.json$|^chat_template\.jinja$/;

function chooseFiles(repo: HubRepo, names: readonly string[], file: string | null): string[] {
  if (file !== null) {
    if (names.includes(file)) return [file];
    throw new InputError("hub_file", `${repo.name} has no file ${file} on ${hubEndpoint()}.`);
  }
  const weights = names.filter((name) => /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name));
  if (weights.length > 0) return [...names.filter((name) => SMALL_FILES.test(name)), ...weights];
  const ggufs = names.filter((name) => name.endsWith(".gguf"));
  const offer = ggufs.length > 0 ? `; it has ${ggufs.map((name) => `${repo.name}/${name}`).join(", ")}` : "";
  throw new InputError("model_missing", `${repo.name} on ${hubEndpoint()} has no model.safetensors${offer}.`);
}
