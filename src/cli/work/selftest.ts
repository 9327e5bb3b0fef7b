// The work of `sdft selftest`.
import { SdftError } from "../../base/error.js";
import { chooseBackend, type DeviceName } from "../../engine/backend-choice.js";
import { recordSelfTest } from "../../engine/self-test-record.js";
import { loadAddon } from "../../native/addon.js";
import type { Terminal } from "../terminal.js";

/** Prints a summary and the cases that failed, and keeps what came of it on a card. Throws where any did. */
export async function runSelfTest(device: DeviceName, terminal: Terminal): Promise<void> {
  const addon = loadAddon();
  const info = addon.info();
  const backend = chooseBackend(device, info);
  const cases = await addon.selfTest(backend);
  const failed = cases.filter(({ failure }) => failure !== null);
  const seconds = cases.reduce((sum, row) => sum + row.seconds, 0);
  const where = info.backends.find(({ name }) => name === backend)?.detail ?? "";
  terminal.result(
    { backend, detail: where, passed: cases.length - failed.length, failed: failed.length, seconds, cases },
    [
      ...failed.map(({ name, failure }) => `FAILED ${name}: ${failure}`),
      `${backend} (${where}): ${cases.length - failed.length} of ${cases.length} cases passed in ${seconds.toFixed(1)} s`,
    ].join("\n"),
  );
  const unkept = backend === "cuda" ? await errorOf(recordSelfTest(info, failed[0]?.name ?? null)) : null;
  if (failed.length > 0) {
    const notKept = unkept === null ? "" : ` It was not kept, so --device cuda still takes the card: ${unkept.message}`;
    throw new SdftError(
      "selftest",
      `The ${backend} backend is wrong here: ${failed.length} of ${cases.length} cases failed, first "${failed[0]?.name}". Use --device cpu, and report this output.${notKept}`,
    );
  }
  if (unkept !== null) throw unkept;
}

/** What it was rejected with, or null: something worse may have to be said first. */
async function errorOf(work: Promise<void>): Promise<Error | null> {
  try {
    await work;
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
