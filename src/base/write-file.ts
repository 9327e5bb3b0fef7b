// Files that are either whole or not there: written beside their place, flushed, then renamed into it.
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, SdftError } from "./error.js";

/** Makes the folder with its parents and makes sure that files can be written in it; exit status 2 where they can't. */
export async function makeWritableFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
    const probe = join(folder, `.write-probe-${process.pid}`);
    await (await open(probe, "w")).close();
    await rm(probe);
  } catch (cause) {
    throw new InputError("unwritable", `Expected a folder that can be written at ${folder} but ${reason(cause)}.`, {
      cause,
    });
  }
}

/** Makes sure that a file can be written at `path` before work for it begins; exit status 2 where it can't. */
export async function expectWritableFile(path: string): Promise<void> {
  await expectPlainFile(path);
  await makeWritableFolder(dirname(path));
}

/** Writes a whole file. `content` is text, bytes, or pieces of bytes written one after the other, also such as are still being made. */
export async function writeWholeFile(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}.partial-${process.pid}`;
  await expectPlainFile(path);
  try {
    await makeFolders(dirname(path));
    const file = await open(temporary, "w");
    try {
      for await (const piece of pieces(content)) await file.writeFile(piece);
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

/** Renaming onto a device such as /dev/null would replace the device itself. */
async function expectPlainFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found === null || found.isFile()) return;
  const what = found.isDirectory() ? "a folder" : "a device or pipe";
  throw new InputError(
    "not_a_file",
    `Expected a place for a file at ${path} but ${what} stands there; choose another.`,
  );
}

/** Node's own recursive mkdir never ends under /proc and hides what is wrong with a read-only file system. */
async function makeFolders(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => null))?.isDirectory()) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolders(parent);
  try {
    await mkdir(folder);
  } catch (cause) {
    // Someone else may have made it in between.
    if (!(await stat(folder).catch(() => null))?.isDirectory()) throw cause;
  }
}

function pieces(
  content: string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>,
): readonly (string | Uint8Array)[] | AsyncIterable<Uint8Array> {
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
    case "ENOENT":
      return "no folder can be made there; choose another with --out";
    case "EEXIST":
    case "ENOTDIR":
      return "a file stands in its way; choose another folder with --out";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
