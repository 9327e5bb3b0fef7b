import { describe, expect, it } from "vitest";
import { bootstrapMean } from "../../src/metrics/bootstrap.js";

describe("bootstrapMean", () => {
  const values = Array.from({ length: 400 }, (_, i) => Math.sin(i * i));

  it("brackets the mean as the normal approximation does", () => {
    const { value, n, low, high } = bootstrapMean(values, { seed: 1 });
    const mean = values.reduce((sum, one) => sum + one, 0) / 400;
    const error = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 400 / 400);
    expect(n).toBe(400);
    expect(value).toBeCloseTo(mean, 12);
    expect((mean - low) / error).toBeGreaterThan(1.85);
    expect((mean - low) / error).toBeLessThan(2.08);
    expect((high - mean) / error).toBeGreaterThan(1.85);
    expect((high - mean) / error).toBeLessThan(2.08);
  });

  it("repeats itself for the same seed and differs for another", () => {
    expect(bootstrapMean(values, { seed: 7 })).toEqual(bootstrapMean(values, { seed: 7 }));
    expect(bootstrapMean(values, { seed: 7 }).low).not.toBe(bootstrapMean(values, { seed: 8 }).low);
  });

  it("has no width where nothing varies, and refuses nothing at all", () => {
    expect(bootstrapMean([0.25, 0.25], { seed: 0 })).toEqual({ value: 0.25, n: 2, low: 0.25, high: 0.25 });
    expect(() => bootstrapMean([], { seed: 0 })).toThrow(/at least one value/);
  });
});
