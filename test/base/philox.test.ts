import { describe, expect, it } from "vitest";
import { fnv1a64 } from "../../src/base/hash.js";
import { philox, philoxKey, uniform } from "../../src/base/philox.js";
import { seededOrder } from "../../src/base/seeded-order.js";

describe("random words", () => {
  it("hashes as native/base/hash.h", () => {
    expect(fnv1a64("")).toBe(14695981039346656037n);
    expect(fnv1a64("a")).toBe(12638187200555641996n);
    expect(fnv1a64("row-7")).toBe(2208706957593381583n);
    expect(fnv1a64("ä")).toBe(775201910207026562n);
  });

  it("draws the words of native/base/philox.h", () => {
    const key = philoxKey(42, fnv1a64("row-7"));
    expect(key).toEqual({ low: 1987170749, high: 3955171112 });
    const words = philox([3, 1, 2, 9], key);
    expect(words).toEqual([1577703731, 2233896538, 2649659726, 2233761808]);
    expect(Math.fround(uniform(words[0]))).toBe(Math.fround(0.367337763));
  });

  it("agrees with Random123's known answer for all ones", () => {
    const ones = 0xffffffff;
    expect(philox([ones, ones, ones, ones], { low: ones, high: ones })).toEqual([
      0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
    ]);
  });
});

describe("seededOrder", () => {
  const ids = Array.from({ length: 40 }, (_, index) => `row-${index}`);

  it("is a permutation that depends on seed and round", () => {
    const order = seededOrder(ids, 1, 0);
    expect([...order].sort((a, b) => a - b)).toEqual(ids.map((_, index) => index));
    expect(seededOrder(ids, 1, 0)).toEqual(order);
    expect(seededOrder(ids, 2, 0)).not.toEqual(order);
    expect(seededOrder(ids, 1, 1)).not.toEqual(order);
  });

  it("keeps the relative order of rows when others are left out", () => {
    const order = seededOrder(ids, 3, 0).map((index) => ids[index]);
    const half = ids.slice(0, 20);
    const halfOrder = seededOrder(half, 3, 0).map((index) => half[index]);
    expect(order.filter((id) => id !== undefined && half.includes(id))).toEqual(halfOrder);
  });
});
