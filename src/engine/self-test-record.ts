// Remembers which cards have passed `sdft selftest --device cuda`, so that `auto` takes only a proven one. A new card, driver, library or revision counts anew.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../models/aliases.js";
import type { NativeInfo } from "../native/types.js";

function recordFile(): string {
  return join(cacheFolder(), "selftest-cuda.json");
}

/** What the self-test speaks for. How much memory happens to be free is no part of it. */
function subject({ revision, cuda }: NativeInfo): string {
  const devices = cuda.devices.map((device) => device.replace(/ \([^)]* free\)$/, ""));
  return JSON.stringify({ revision, library: cuda.library, driver: cuda.driver, devices });
}

export function recordSelfTest(info: NativeInfo): void {
  mkdirSync(dirname(recordFile()), { recursive: true });
  writeFileSync(recordFile(), `${subject(info)}\n`);
}

export function hasPassedSelfTest(info: NativeInfo): boolean {
  try {
    return readFileSync(recordFile(), "utf8").trim() === subject(info);
  } catch {
    return false;
  }
}
