// Expected values by Python's math.comb and floats from the textbook formulas, or by hand where short.

import { describe, expect, it } from "vitest";
import { countPairs, mcnemarExact, pairedBootstrap, wilsonInterval } from "../../src/metrics/statistics.js";

describe("wilsonInterval", () => {
  it("gives the textbook interval of 41 in 112, the paper's OpenFunctions result", () => {
    const { low, high } = wilsonInterval(41, 112);
    expect(low).toBeCloseTo(0.2826761790548729, 12);
    expect(high).toBeCloseTo(0.4583491817666298, 12);
  });

  it("touches the ends exactly", () => {
    expect(wilsonInterval(0, 10).low).toBe(0);
    expect(wilsonInterval(10, 10).high).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });
});

describe("mcnemarExact", () => {
  it("is the two-sided binomial probability of the split", () => {
    // 2 · (1 + 10 + 45) / 2^10
    expect(mcnemarExact(2, 8)).toBeCloseTo(0.109375, 12);
    expect(mcnemarExact(8, 2)).toBeCloseTo(0.109375, 12);
    expect(mcnemarExact(5, 5)).toBe(1);
    expect(mcnemarExact(0, 0)).toBe(1);
  });

  it("does not underflow for many rows", () => {
    // min(1, 2 * sum(comb(3000, k) for k in range(1401)) / 2**3000)
    expect(mcnemarExact(1400, 1600)).toBeCloseTo(0.0002785639610392337, 12);
  });
});

describe("countPairs", () => {
  it("tells what was kept, lost, gained and missed", () => {
    const pairs = ["tt", "tf", "ft", "ft", "ff"].map(([a, b]) => ({ before: a === "t", after: b === "t" }));
    expect(countPairs(pairs)).toEqual({ retained: 1, lost: 1, gained: 2, missed: 1 });
  });
});

describe("pairedBootstrap", () => {
  const before = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1 : 0));
  const after = before.map((value, i) => (i % 10 === 1 ? 1 : value));

  it("brackets the difference as the normal approximation does", () => {
    const { difference, low, high } = pairedBootstrap(before, after, { seed: 1 });
    expect(difference).toBeCloseTo(0.1, 12);
    // standard error √(0.1 · 0.9 / 200) = 0.0212
    expect(low).toBeGreaterThan(0.1 - 2.3 * 0.0212);
    expect(low).toBeLessThan(0.1 - 1.6 * 0.0212);
    expect(high).toBeGreaterThan(0.1 + 1.6 * 0.0212);
    expect(high).toBeLessThan(0.1 + 2.4 * 0.0212);
  });

  it("repeats itself for the same seed", () => {
    expect(pairedBootstrap(before, after, { seed: 3 })).toEqual(pairedBootstrap(before, after, { seed: 3 }));
    expect(pairedBootstrap([1, 1], [1, 1], { seed: 0 })).toEqual({ difference: 0, low: 0, high: 0 });
  });

  it("refuses unequal lengths and nothing at all", () => {
    expect(() => pairedBootstrap([1], [1, 0], { seed: 0 })).toThrow(/as many values/);
    expect(() => pairedBootstrap([], [], { seed: 0 })).toThrow(/at least one/);
  });
});
