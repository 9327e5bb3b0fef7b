// What a program can read: the system's own programs and libraries and the interpreter, never a home folder, /proc or the work at hand.
import { lstat, readlink } from "node:fs/promises";
import type { Python } from "./python.js";

/** A path inside the sandbox: a symbolic link to `link`, or else the file or folder `from` of the outside. */
export interface ReadablePath {
  readonly path: string;
  readonly from: string;
  readonly link: string | null;
}

const systemPaths = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/etc/ld.so.cache",
  "/etc/alternatives",
];

/** Parents before what lies in them. */
export async function readablePaths(python: Python): Promise<ReadablePath[]> {
  const system = await Promise.all(systemPaths.map(describe));
  // Nix keeps every library in a folder of its own beside the interpreter's.
  const nix = python.executable.startsWith("/nix/") ? [await describe("/nix/store")] : [];
  const own = python.folders.filter(({ path }) => nix.length === 0 || !path.startsWith("/nix/"));
  return [...system, ...nix, ...own.map((folder) => ({ ...folder, link: null }))].filter((entry) => entry !== null);
}

async function describe(path: string): Promise<ReadablePath | null> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return null;
  return { path, from: path, link: found.isSymbolicLink() ? await readlink(path) : null };
}
