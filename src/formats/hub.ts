// Files of repositories on the Hugging Face hub, kept in Hugging Face's own cache layout, so that what other tools fetched is found here and
// the other way round. HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are honoured.

import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { datasetInfo, downloadFile, listFiles, modelInfo } from "@huggingface/hub";
import { InputError, SdftError } from "../base/error.js";
import { writeError } from "../base/write-file.js";
import { exists, systemCode, WRITE_FAILURES } from "./open-file.js";

export interface HubRepo {
  readonly type: "model" | "dataset";
  /** `owner/name`. */
  readonly name: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** Called while a file is fetched. */
export type HubProgress = (file: string, doneBytes: number, totalBytes: number | null) => void;

/** `owner/name`, as the hub writes repositories. */
export function isHubId(name: string): boolean {
  return /^[\w.-]+\/[\w.-]+$/.test(name) && !name.startsWith(".");
}

/** The newest snapshot of the repository in the local cache, or null. */
export async function cachedSnapshot(repo: HubRepo): Promise<string | null> {
  const snapshots = join(repoFolder(repo), "snapshots");
  const commit = await readFile(join(repoFolder(repo), "refs", repo.revision), "utf8").catch(() => repo.revision);
  const folder = join(snapshots, commit.trim());
  return (await exists(folder)) ? folder : null;
}

/** Names of the files of a snapshot folder, folders in them included. */
export async function snapshotFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/**
 * Fetches the files of a repository that `wanted` chooses from all its names and returns the snapshot's folder. Files already there are
 * kept. An unreachable hub is a HubUnreachable error.
 */
export async function fetchSnapshot(
  repo: HubRepo,
  wanted: (names: readonly string[]) => readonly string[],
  onProgress?: HubProgress,
): Promise<string> {
  if (isOffline()) throw new HubUnreachable(repo, "HF_HUB_OFFLINE is set");
  const access = await hubAccess();
  const commit = await onHub(repo, () => currentCommit(repo, access));
  const sizes = await onHub(repo, () => listSizes(repo, commit, access));
  const folder = join(repoFolder(repo), "snapshots", commit);
  for (const name of wanted([...sizes.keys()])) {
    const target = join(folder, name);
    if (await exists(target)) continue;
    await fetchFile(repo, commit, name, target, sizes.get(name) ?? null, onProgress);
  }
  if (commit !== repo.revision) await writeRef(repo, commit);
  return folder;
}

/** The hub could not be reached or refused; the message says why. */
export class HubUnreachable extends SdftError {
  constructor(repo: HubRepo, reason: string, cause?: unknown) {
    super("hub_unreachable", `${repo.name} could not be fetched from ${hubEndpoint()}: ${reason}`, { cause });
    this.name = "HubUnreachable";
  }
}

/** Where a snapshot of the repository belongs in the cache; for messages that say which file to put where. */
export function repoFolder(repo: HubRepo): string {
  return join(hubCache(), [`${repo.type}s`, ...repo.name.split("/")].join("--"));
}

export function hubEndpoint(): string {
  return (process.env.HF_ENDPOINT ?? "https://huggingface.co").replace(/\/+$/, "");
}

function hubHome(): string {
  return process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "huggingface");
}

function hubCache(): string {
  return process.env.HF_HUB_CACHE ?? process.env.HUGGINGFACE_HUB_CACHE ?? join(hubHome(), "hub");
}

function isOffline(): boolean {
  return /^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? "");
}

interface HubAccess {
  readonly hubUrl: string;
  readonly accessToken?: string;
}

async function hubAccess(): Promise<HubAccess> {
  const stored = await readFile(process.env.HF_TOKEN_PATH ?? join(hubHome(), "token"), "utf8").catch(() => "");
  const accessToken = (process.env.HF_TOKEN ?? stored).trim();
  return accessToken === "" ? { hubUrl: hubEndpoint() } : { hubUrl: hubEndpoint(), accessToken };
}

async function currentCommit(repo: HubRepo, access: HubAccess): Promise<string> {
  const params = { name: repo.name, revision: repo.revision, additionalFields: ["sha" as const], ...access };
  const info = repo.type === "model" ? await modelInfo(params) : await datasetInfo(params);
  return info.sha;
}

async function listSizes(repo: HubRepo, commit: string, access: HubAccess): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const entry of listFiles({
    repo: { type: repo.type, name: repo.name },
    revision: commit,
    recursive: true,
    ...access,
  })) {
    if (entry.type === "file") sizes.set(entry.path, entry.size);
  }
  return sizes;
}

async function fetchFile(
  repo: HubRepo,
  commit: string,
  path: string,
  target: string,
  size: number | null,
  onProgress?: HubProgress,
): Promise<void> {
  // The plain protocol: xet needs a second service that mirrors don't have.
  const request = {
    repo: { type: repo.type, name: repo.name },
    path,
    revision: commit,
    xet: false,
    ...(await hubAccess()),
  };
  const blob = await onHub(repo, () => downloadFile(request));
  if (blob === null) throw new InputError("hub_file", `${repo.name} has no file ${path} on ${hubEndpoint()}.`);
  const partial = `${target}.partial-${process.pid}`;
  let done = 0;
  const counter = new Transform({
    transform(chunk: Uint8Array, _, next) {
      done += chunk.length;
      onProgress?.(path, done, size);
      next(null, chunk);
    },
  });
  try {
    await mkdir(dirname(target), { recursive: true });
    await onHub(repo, () => pipeline(Readable.fromWeb(blob.stream()), counter, createWriteStream(partial)));
    const written = (await stat(partial)).size;
    if (size !== null && written !== size)
      throw new HubUnreachable(repo, `${path} broke off after ${written} of ${size} bytes`);
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error instanceof SdftError ? error : writeError(target, error);
  }
}

async function writeRef(repo: HubRepo, commit: string): Promise<void> {
  const path = join(repoFolder(repo), "refs", repo.revision);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, commit);
}

/** Turns failures of the network or the hub into HubUnreachable; failures of the disk pass. */
async function onHub<T>(repo: HubRepo, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SdftError || WRITE_FAILURES.includes(systemCode(error))) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = /401|403|unauthorized|gated|restricted/i.test(reason)
      ? " (set HF_TOKEN to a token that may read it)"
      : "";
    throw new HubUnreachable(repo, `${reason}${hint}`, error);
  }
}
