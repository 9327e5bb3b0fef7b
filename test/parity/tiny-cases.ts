// Tiny models with what transformers and peft computed of them: of every architecture, in folders and in GGUF files.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fixturesFolder, sharedPath } from "../shared-folder.js";

export interface TinyCase {
  readonly name: string;
  readonly model: string;
  readonly expected: string;
}

/** Folders with a model and an expected.safetensors; a GGUF is preferred where there is one. */
function casesIn(folder: string | null, label: string): TinyCase[] {
  if (folder === null) return [];
  return readdirSync(folder)
    .map((name) => ({ name, path: join(folder, name), expected: join(folder, name, "expected.safetensors") }))
    .filter(({ expected }) => existsSync(expected))
    .map(({ name, path, expected }) => {
      const gguf = join(path, "model.gguf");
      return { name: `${label}/${name}`, model: existsSync(gguf) ? gguf : path, expected };
    });
}

/** Those of ../shared are left out, with a printed reason, where it is missing. */
export const tinyCases: readonly TinyCase[] = [
  ...casesIn(join(fixturesFolder, "tiny"), "fixtures"),
  ...casesIn(join(fixturesFolder, "gguf"), "gguf"),
  ...casesIn(sharedPath("reference", "tiny"), "reference"),
];
