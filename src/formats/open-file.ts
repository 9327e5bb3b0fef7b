// Reading files with errors a person understands: what was to be read, which file, and what stands in the way.

import { access, open, readFile, stat } from "node:fs/promises";
import { InputError } from "../base/error.js";

/** The operating system's code of a failed call (`ENOENT`), or an empty string. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** System codes of a disk that is full or may not be written, apart from failures of a network. */
export const WRITE_FAILURES: readonly string[] = ["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS"];

/** An InputError for a failed read of `path`; `what` names its role (`data file`). */
export function readError(what: string, path: string, error: unknown): InputError {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR")
    return new InputError("file_missing", `Expected a ${what} at ${path}, but there is no such file.`);
  if (code === "EISDIR")
    return new InputError("file_is_folder", `Expected a ${what} at ${path}, but that is a folder.`);
  if (code === "EACCES" || code === "EPERM")
    return new InputError(
      "file_unreadable",
      `The ${what} ${path} may not be read by this user; change its permissions.`,
    );
  const reason = error instanceof Error ? error.message : String(error);
  return new InputError("file_unreadable", `The ${what} ${path} could not be read: ${reason}.`, { cause: error });
}

/** A whole file. */
export async function readBytes(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(what, path, error);
  }
}

/** A whole UTF-8 file without its byte order mark; bytes that are not UTF-8 are an error naming their line. */
export async function readText(what: string, path: string): Promise<string> {
  return decodeText(what, path, await readBytes(what, path));
}

/** UTF-8 bytes as text, without a byte order mark. */
export function decodeText(what: string, path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(
      "file_encoding",
      `The ${what} ${path} is not UTF-8 (line ${firstBadLine(bytes)}); convert it, for example with iconv -t UTF-8.`,
    );
  }
}

function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(10, start);
    const end = feed < 0 ? bytes.length : feed;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return line;
}

/** A file's size in bytes; a folder or nothing at `path` is an error. */
export async function fileSize(what: string, path: string): Promise<number> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    return info.size;
  } catch (error) {
    throw readError(what, path, error);
  }
}

/** Bytes [offset, offset + length) of a file; fewer bytes in the file are an error. */
export async function readRange(what: string, path: string, offset: number, length: number): Promise<Buffer> {
  const [range] = await readRanges(what, path, [{ offset, length }]);
  return range ?? Buffer.alloc(0);
}

/** Several byte ranges of one file, opened once. */
export async function readRanges(
  what: string,
  path: string,
  ranges: readonly { readonly offset: number; readonly length: number }[],
): Promise<Buffer[]> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, "r");
  } catch (error) {
    throw readError(what, path, error);
  }
  try {
    const parts: Buffer[] = [];
    for (const { offset, length } of ranges) {
      const buffer = Buffer.allocUnsafe(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
        if (bytesRead === 0)
          throw new InputError(
            "file_cut",
            `The ${what} ${path} ends early: bytes ${offset}…${offset + length} were expected, the file has ${offset + done}.`,
          );
        done += bytesRead;
      }
      parts.push(buffer);
    }
    return parts;
  } catch (error) {
    throw error instanceof InputError ? error : readError(what, path, error);
  } finally {
    await handle.close();
  }
}

/** Whether something can be read at `path`. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Whether `path` is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
