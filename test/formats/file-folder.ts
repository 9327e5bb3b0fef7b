// A temporary folder for one test file, with files written into it by name; removed at the end.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export interface FileFolder {
  readonly path: string;
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string;
}

export function fileFolder(): FileFolder {
  const path = mkdtempSync(join(tmpdir(), "sdft-test-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    write(name, content) {
      const target = join(path, name);
      writeFileSync(target, content);
      return target;
    },
  };
}
