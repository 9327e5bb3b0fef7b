// Where reference data and models lie that are too large or not ours to commit. Tests that need them skip with a printed reason where they
// are missing.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** ../shared beside the project, or SDFT_SHARED. */
export const sharedFolder = process.env.SDFT_SHARED ?? resolve(dirname(fileURLToPath(import.meta.url)), "../../shared");

/** test/fixtures. */
export const fixturesFolder = resolve(dirname(fileURLToPath(import.meta.url)), "fixtures");

/** A path under the shared folder, or null with a printed reason. */
export function sharedPath(...parts: string[]): string | null {
  return existingPath(join(sharedFolder, ...parts));
}

/** The path, or null with a printed reason where nothing is there. */
export function existingPath(path: string | undefined): string | null {
  if (path !== undefined && existsSync(path)) return path;
  console.warn(`skipped: needs ${path ?? "a file that is not configured"}`);
  return null;
}
