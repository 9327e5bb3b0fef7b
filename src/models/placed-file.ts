// A file known by its SHA-256, put into our cache: checked whatever its source, and never there in part.

import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SdftError } from "../base/error.js";
import { writeError } from "../base/write-file.js";
import { fileSha256 } from "../formats/file-hash.js";
import { systemCode, WRITE_FAILURES } from "../formats/open-file.js";
import type { FetchProgress } from "./fetch-progress.js";

export interface KnownFile {
  readonly fileName: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Whether the right file lies at `target`. One that a person put there is checked once: beside a checked file stands its sum, and after
 * that its size tells one that was cut since.
 */
export async function isPlaced(file: KnownFile, target: string): Promise<boolean> {
  if ((await stat(target).catch(() => null))?.size !== file.bytes) return false;
  const note = `${target}.sha256`;
  if ((await readFile(note, "utf8").catch(() => "")).trim() === file.sha256) return true;
  if ((await fileSha256(target)) !== file.sha256) return false;
  await writeFile(note, `${file.sha256}\n`).catch(() => undefined); // a read-only cache is checked each time
  return true;
}

/** Has `write` fill a file beside `target`, checks it and moves it there. */
export async function placeFile(
  file: KnownFile,
  target: string,
  write: (partial: string) => Promise<void>,
  onProgress?: FetchProgress,
): Promise<void> {
  const partial = `${target}.partial-${process.pid}`;
  try {
    await mkdir(dirname(target), { recursive: true }).catch((error: unknown) =>
      Promise.reject(writeError(target, error)),
    );
    await write(partial);
    const sha256 = await fileSha256(partial, (doneBytes) =>
      onProgress?.({ file: file.fileName, source: "check", doneBytes, totalBytes: file.bytes }),
    );
    if (sha256 !== file.sha256)
      throw new SdftError("checksum", `the file found has SHA-256 ${sha256} where ${file.sha256} is expected`);
    await rename(partial, target);
    await writeFile(`${target}.sha256`, `${file.sha256}\n`);
  } catch (error) {
    throw WRITE_FAILURES.includes(systemCode(error)) ? writeError(target, error) : error;
  } finally {
    await rm(partial, { force: true });
  }
}
