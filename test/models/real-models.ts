// Where the real models' files are, for tests that need them: SDFT_TEST_MODELS or models/ beside the project (NAME/FILE), else our cache.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { aliasCachePath, findAlias } from "../../src/models/aliases.js";
import { DEFAULT_ENCODER, encoderCachePath, findEncoderAlias } from "../../src/models/encoder-aliases.js";

const folder = process.env.SDFT_TEST_MODELS ?? resolve(dirname(fileURLToPath(import.meta.url)), "../../../models");

/** SmolLM2-135M-Instruct, or null with a printed reason. */
export function defaultModel(): string | null {
  return find("smollm2-135m-instruct", "smollm2");
}

/** Qwen2.5-Coder-0.5B-Instruct, or null with a printed reason. */
export function codeModel(): string | null {
  return find("qwen2.5-coder-0.5b-instruct", "qwen");
}

/** The folder of all-MiniLM-L6-v2, or null with a printed reason. */
export function encoderModel(): string | null {
  const alias = findEncoderAlias(DEFAULT_ENCODER);
  if (alias === null) throw new Error(`no alias ${DEFAULT_ENCODER}`);
  const places = [join(folder, "minilm"), join(folder, alias.folderName), encoderCachePath(alias)];
  const found = places.find((place) => existsSync(join(place, "model.safetensors"))) ?? null;
  if (found === null) console.warn(`skipped: needs ${alias.folderName} (npm run fetch:test-models)`);
  return found;
}

function find(aliasName: string, subfolder: string): string | null {
  const alias = findAlias(aliasName);
  if (alias === null) throw new Error(`no alias ${aliasName}`);
  const places = [join(folder, subfolder, alias.fileName), join(folder, alias.fileName), aliasCachePath(alias)];
  const found = places.find(existsSync) ?? null;
  if (found === null) console.warn(`skipped: needs ${alias.fileName} (npm run fetch:test-models)`);
  return found;
}
