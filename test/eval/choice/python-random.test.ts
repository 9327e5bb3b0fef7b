// Expected values from CPython 3.11's random module, as given beside each.
import { describe, expect, it } from "vitest";
import { PythonRandom } from "../../../src/eval/choice/python-random.js";

describe("PythonRandom", () => {
  it("gives Python's words", () => {
    expect(new PythonRandom(0).next()).toBe(3626764237); // Random(0).getrandbits(32)
    expect(new PythonRandom(4294967295).next()).toBe(2728839433);
    const random = new PythonRandom(7);
    expect(Array.from({ length: 700 }, () => random.next()).at(-1)).toBe(72291700);
  });

  it("draws what random.sample draws, from small sets and from large ones, one call after the other", () => {
    const random = new PythonRandom(1234);
    expect(random.sample(39905, 11)).toEqual([28883, 7657, 490, 5940, 38156, 2288, 5500, 6450, 23241, 15519, 1142]);
    expect(random.sample(39905, 11)).toEqual([2019, 1038, 22681, 31735, 30379, 9735, 5982, 11999, 7498, 958, 32970]);
    expect(random.sample(30, 6)).toEqual([15, 28, 7, 2, 21, 17]);
    expect(random.sample(100, 25)).toEqual([
      59, 8, 76, 86, 11, 65, 74, 5, 34, 71, 98, 82, 38, 61, 45, 91, 31, 25, 58, 67, 2, 94, 9, 0, 42,
    ]);
    expect(() => random.sample(2, 3)).toThrow(RangeError);
  });
});
