import { expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { warnOfOtherDevice } from "../../src/experiment/describe-run.js";
import type { RunManifest } from "../../src/report/manifest.js";
import { summary } from "../report/summary.js";

const stages = { "distill/gsm8k": { hash: "h", seconds: 1, finished: "2026-01-02T03:04:05Z" } };

function manifestOf(device: string | null, done: RunManifest["stages"]): RunManifest {
  const { manifest } = summary;
  return { ...manifest, engine: { ...manifest.engine, ...(device === null ? {} : { device }) }, stages: done };
}

it.each([
  ["of another card, with both named", "card A", "card B", stages, 1],
  ["not of the same", "card A", "card A", stages, 0],
  ["not where nothing is finished", "card A", "card B", {}, 0],
  ["not where nothing is known of either", null, null, stages, 0],
  ["not where it was not written down yet", null, "card B", stages, 0],
])("finished stages: said %s", (_, before, now, done, count) => {
  const notes: string[] = [];
  const reporter = { ...silentReporter, warn: (text: string) => void notes.push(text) };
  warnOfOtherDevice(manifestOf(before, done), manifestOf(now, done), reporter);
  expect(notes).toHaveLength(count);
  if (count > 0)
    expect(notes[0]).toBe("Stages that are finished were computed on card A; what is left is computed on card B.");
});
