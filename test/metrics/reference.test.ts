// The authors' own verdicts on 690 texts (see the README beside filters.json); their errors are ours or rejections, as said below.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findBannedPhrase } from "../../src/metrics/banned-phrases.js";
import { looksLikeCodeAnswer } from "../../src/metrics/code-answer.js";
import { containsCall } from "../../src/metrics/function-call.js";
import { lastInteger, sameLastInteger } from "../../src/metrics/last-integer.js";
import { isSafe } from "../../src/metrics/refusal.js";

interface Pair {
  readonly label: string;
  readonly predict: string;
  readonly accept: boolean | { readonly error: string };
}
interface Reference {
  readonly last_integer: readonly { readonly text: string; readonly value: string }[];
  readonly math: readonly Pair[];
  readonly openfunctions: readonly Pair[];
  readonly magicoder: readonly { readonly predict: string; readonly accept: boolean }[];
  readonly banned: readonly { readonly predict: string; readonly accept: boolean }[];
  readonly safe: readonly { readonly text: string; readonly safe: boolean }[];
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const path = join(process.env.SDFT_SHARED ?? join(root, "../shared"), "reference/filters.json");
const present = existsSync(path);
if (!present) console.warn(`skipped: the authors' verdicts, because ${path} is not there (set SDFT_SHARED)`);

describe.skipIf(!present)("the authors' verdicts", () => {
  const reference: Reference = present ? JSON.parse(readFileSync(path, "utf8")) : {};

  it("last integer", () => {
    expect(reference.last_integer.length).toBeGreaterThan(0);
    for (const { text, value } of reference.last_integer)
      expect({ text, value: lastInteger(text) }).toEqual({ text, value });
  });

  it("GSM8K and MultiArith", () => {
    expect(reference.math.length).toBeGreaterThan(0);
    for (const row of reference.math) expect({ ...row, accept: sameLastInteger(row.label, row.predict) }).toEqual(row);
  });

  it("OpenFunctions; a malformed reference is an error that names the row", () => {
    expect(reference.openfunctions.length).toBeGreaterThan(0);
    for (const row of reference.openfunctions) {
      if (typeof row.accept === "boolean") {
        expect({ ...row, accept: containsCall(row.label, row.predict, "5") }).toEqual(row);
      } else {
        expect(() => containsCall(row.label, row.predict, "5")).toThrow(/row 5 to be a function call/);
      }
    }
  });

  it("MagiCoder", () => {
    expect(reference.magicoder.length).toBeGreaterThan(0);
    for (const row of reference.magicoder) expect({ ...row, accept: looksLikeCodeAnswer(row.predict) }).toEqual(row);
  });

  it("banned phrases", () => {
    expect(reference.banned.length).toBeGreaterThan(0);
    for (const row of reference.banned) expect({ ...row, accept: findBannedPhrase(row.predict) === null }).toEqual(row);
  });

  it("refusal keywords", () => {
    expect(reference.safe.length).toBeGreaterThan(0);
    for (const row of reference.safe) expect({ ...row, safe: isSafe(row.text) }).toEqual(row);
  });
});
