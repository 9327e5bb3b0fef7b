// The encoder's alias on the command line: listed, taken where it lies, and what is said where it cannot be fetched.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { sdft } from "./run.js";

const cache = temporaryFolder();

/** Neither hub nor pip. */
beforeEach(() => {
  vi.stubEnv("SDFT_CACHE", cache);
  vi.stubEnv("HF_HOME", join(cache, "huggingface"));
  vi.stubEnv("HF_HUB_CACHE", undefined);
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  vi.stubEnv("SDFT_PYTHON", join(cache, "no-python"));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

interface Listed {
  readonly models: readonly { readonly name: string; readonly bytes: number; readonly path: string | null }[];
}

async function listed() {
  const { stdout } = await sdft("ls", "--json");
  return (JSON.parse(stdout) as Listed).models.find(({ name }) => name === "all-minilm-l6-v2");
}

it("cannot be pulled: each file is named with its folder", async () => {
  const { status, stderr } = await sdft("pull", "all-minilm-l6-v2");
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /HF_HUB_OFFLINE is set.*no-python.*Put config\.json \(612 bytes.*model\.safetensors \(90868376 bytes/s,
  );
  expect(stderr).toContain(join(cache, "models", "all-MiniLM-L6-v2"));
});

it("is listed as here once all its files are", async () => {
  expect(await listed()).toMatchObject({ path: null });
  const folder = join(cache, "models", "all-MiniLM-L6-v2");
  mkdirSync(folder, { recursive: true });
  for (const name of ["config.json", "sentence_bert_config.json", "tokenizer.json"])
    writeFileSync(join(folder, name), "");
  expect(await listed()).toMatchObject({ path: null });
  writeFileSync(join(folder, "model.safetensors"), "");
  expect(await listed()).toMatchObject({ path: folder, bytes: 612 + 53 + 466_247 + 90_868_376 });
});
