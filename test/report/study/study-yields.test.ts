// How many rows several attempts keep, and how a training's rewrites are named.
import { describe, expect, it } from "vitest";
import type { DistilledAuditRow } from "../../../src/report/run-summary.js";
import { keptWithin, withinSentence } from "../../../src/report/study/study-yields.js";
import { summary } from "../summary.js";

/** `0`: rejected, `1`: accepted, `-`: not judged. */
function rowOf(verdicts: string): DistilledAuditRow {
  const [row] = summary.distilled;
  if (row === undefined) throw new Error("The summary has rows.");
  const attempts = [...verdicts].map((verdict, sample) => ({
    sample,
    text: "",
    verdict:
      verdict === "-"
        ? null
        : { rule: verdict === "1" ? null : "empty", detail: null, logprob: null, chosen: verdict === "1" },
  }));
  return { ...row, attempts };
}

describe("keptWithin", () => {
  it("counts rows by their first accepted attempt", () => {
    expect(keptWithin([rowOf("1--"), rowOf("01-"), rowOf("001"), rowOf("000"), rowOf("010")])).toEqual([1, 3, 4]);
  });

  it("says nothing of one attempt each", () => {
    expect(keptWithin([rowOf("1"), rowOf("0")])).toBeNull();
    expect(keptWithin([])).toBeNull();
  });
});

describe("withinSentence", () => {
  it("lists attempts and rows", () => {
    expect(withinSentence([1, 3, 4])).toBe("Kept within 1, 2, 3 attempts: 1, 3, 4.");
  });
});
