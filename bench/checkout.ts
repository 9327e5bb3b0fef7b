// This checkout: where it is, and which commit stands in it.
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** Of the project; this file runs from build/bench. */
export const projectRoot = resolve(import.meta.dirname, "..", "..");

/** The short hash, with `-dirty` where tracked files differ from it. */
export function commitName(): string {
  const result = spawnSync("git", ["describe", "--always", "--dirty", "--exclude=*"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  return result.status === 0 ? result.stdout.trim() : "unknown";
}
