// A folder for one test file, removed at its end.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** To be called at the top of a test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sdft-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
