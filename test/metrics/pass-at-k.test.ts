import { describe, expect, it } from "vitest";
import { passAtK } from "../../src/metrics/pass-at-k.js";

/** All ways to take k of n, counted one by one. */
function counted(n: number, correct: number, k: number): number {
  let right = 0;
  let all = 0;
  for (let chosen = 0; chosen < 2 ** n; ++chosen) {
    const taken = Array.from({ length: n }, (_, index) => index).filter((index) => (chosen >> index) & 1);
    if (taken.length !== k) continue;
    all += 1;
    if (taken.some((index) => index < correct)) right += 1;
  }
  return right / all;
}

describe("passAtK", () => {
  it("is the share of the ways to take k samples that hold a right one", () => {
    for (let n = 1; n <= 8; ++n)
      for (let correct = 0; correct <= n; ++correct)
        for (let k = 1; k <= n; ++k) expect(passAtK(n, correct, k)).toBeCloseTo(counted(n, correct, k), 12);
  });

  it("stays exact where factorials would not", () => {
    expect(passAtK(1000, 1, 100)).toBeCloseTo(0.1, 12);
    expect(passAtK(200, 100, 1)).toBeCloseTo(0.5, 12);
  });

  it("refuses what makes no sense", () => {
    expect(() => passAtK(5, 2, 6)).toThrow(/k = 6, n = 5/);
    expect(() => passAtK(5, 6, 1)).toThrow(RangeError);
  });
});
