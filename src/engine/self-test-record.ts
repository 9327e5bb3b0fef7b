// Remembers what came of `sdft selftest --device cuda`, so that `auto` takes only a proven card. A new card, driver, library or revision counts anew.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWholeFile } from "../base/write-file.js";
import { cacheFolder } from "../models/aliases.js";
import type { NativeInfo } from "../native/types.js";

/** Of the card that is there now; unknown where the self-test has not run on it. */
export type SelfTestOutcome = "passed" | "unknown" | { readonly firstFailure: string };

function recordFile(): string {
  return join(cacheFolder(), "selftest-cuda.json");
}

/** What the self-test speaks for, cuBLASLt and SDFT_CUDA_EXACT among it. How much memory happens to be free is no part of it. */
function subject({ revision, cuda, backends }: NativeInfo): string {
  const lasting = (device: string): string => device.replace(/ \([^)]* free\)/, "");
  const detail = lasting(backends.find(({ name }) => name === "cuda")?.detail ?? "");
  return JSON.stringify({
    revision,
    library: cuda.library,
    driver: cuda.driver,
    devices: cuda.devices.map(lasting),
    detail,
  });
}

/** In place of what was recorded before. `firstFailure`: the name of the first case that failed, or null. */
export async function recordSelfTest(info: NativeInfo, firstFailure: string | null): Promise<void> {
  await writeWholeFile(recordFile(), `${JSON.stringify({ subject: subject(info), firstFailure })}\n`);
}

export function selfTestOutcome(info: NativeInfo): SelfTestOutcome {
  let record: unknown;
  try {
    record = JSON.parse(readFileSync(recordFile(), "utf8"));
  } catch {
    return "unknown"; // none yet, or unreadable: run again, it takes seconds
  }
  if (typeof record !== "object" || record === null || !("subject" in record) || record.subject !== subject(info))
    return "unknown";
  if (!("firstFailure" in record)) return "unknown";
  if (record.firstFailure === null) return "passed";
  return typeof record.firstFailure === "string" ? { firstFailure: record.firstFailure } : "unknown";
}
