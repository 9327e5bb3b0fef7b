// Files that are either whole or not there: written beside their place, flushed, then renamed into it.
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, SdftError } from "./error.js";

/** Makes the folder with its parents and makes sure that files can be written in it; exit status 2 where they can't. */
export async function makeWritableFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const probe = join(folder, `.write-probe-${process.pid}`);
    await (await open(probe, "w")).close();
    await rm(probe);
  } catch (cause) {
    throw new InputError("unwritable", `Expected a folder that can be written at ${folder} but ${reason(cause)}.`, {
      cause,
    });
  }
}

/** Writes a whole file. `content` is text, bytes, or pieces of bytes written one after the other. */
export async function writeWholeFile(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const temporary = `${path}.partial-${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "w");
    try {
      for (const piece of pieces(content)) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, cause);
  }
}

/** A JSON document with two spaces of indent and a last line feed. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeWholeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** One JSON object a line. */
export async function writeJsonLines(path: string, rows: readonly unknown[]): Promise<void> {
  await writeWholeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** The error a person reads when a file can't be written. */
export function writeError(path: string, cause: unknown): SdftError {
  if (cause instanceof SdftError) return cause;
  return new SdftError("write_failed", `Could not write ${path}: ${reason(cause)}.`, { cause });
}

function pieces(content: string | Uint8Array | readonly Uint8Array[]): readonly (string | Uint8Array)[] {
  if (typeof content === "string" || content instanceof Uint8Array) return [content];
  return content;
}

function reason(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  switch (code) {
    case "ENOSPC":
      return "the disk is full; free some space and run the same command again";
    case "EDQUOT":
      return "the disk quota is used up; free some space and run the same command again";
    case "EACCES":
    case "EPERM":
      return "you have no permission to write there; choose another folder with --out";
    case "EROFS":
      return "that file system is read-only; choose another folder with --out";
    case "EEXIST":
    case "ENOTDIR":
      return "a file stands in its way; choose another folder with --out";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
