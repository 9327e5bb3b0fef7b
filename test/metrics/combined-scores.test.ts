import { describe, expect, it } from "vitest";
import { averageScores, studentQuantile, summariseSeeds } from "../../src/metrics/combined-scores.js";
import { wilsonInterval } from "../../src/metrics/statistics.js";

describe("averageScores", () => {
  it("counts each task once, whatever its rows, and combines the limits in squares", () => {
    const average = averageScores([
      { value: 0.2, low: 0.1, high: 0.4 },
      { value: 0.5, low: 0.3, high: 0.6 },
      { value: 0.8, low: 0.6, high: 0.9 },
    ]);
    // √(0.1² + 0.2² + 0.2²) / 3 = 0.1; √(0.2² + 0.1² + 0.1²) / 3
    expect(average.value).toBeCloseTo(0.5, 12);
    expect(average.low).toBeCloseTo(0.4, 12);
    expect(average.high).toBeCloseTo(0.5 + Math.sqrt(0.06) / 3, 12);
  });

  it("covers the true average about as often as it says", () => {
    const rates = [0.1, 0.4, 0.85];
    const rows = [112, 60, 80];
    const truth = 0.45;
    let state = 12345;
    const random = (): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state / 0x80000000;
    };
    let covered = 0;
    const trials = 2000;
    for (let trial = 0; trial < trials; trial++) {
      const { low, high } = averageScores(
        rates.map((rate, task) => {
          const n = rows[task] ?? 0;
          const passed = Array.from({ length: n }, random).filter((draw) => draw < rate).length;
          return { value: passed / n, ...wilsonInterval(passed, n) };
        }),
      );
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.935);
    expect(covered / trials).toBeLessThan(0.965);
  });

  it("is the score itself for one, and refuses none", () => {
    expect(averageScores([{ value: 0.5, low: 0.25, high: 0.75 }])).toEqual({ value: 0.5, low: 0.25, high: 0.75 });
    expect(() => averageScores([])).toThrow(/at least one score/);
  });
});

describe("studentQuantile", () => {
  it("is the textbook's", () => {
    // scipy.stats.t.ppf(0.975, df)
    const expected: readonly (readonly [number, number])[] = [
      [1, 12.706204736174694],
      [2, 4.302652729696144],
      [3, 3.182446305283709],
      [4, 2.7764451051977934],
      [7, 2.364624251592784],
      [30, 2.0422724563012378],
    ];
    for (const [degrees, point] of expected) expect(studentQuantile(degrees)).toBeCloseTo(point, 9);
    expect(() => studentQuantile(0)).toThrow(/from 1 on/);
  });
});

describe("summariseSeeds", () => {
  const row = (seed: number, value: number, task = "gsm8k", rank: number | null = 8) => ({
    ...{ variant: "sdft", task, rank, metric: "accuracy", seed, value, n: 100 - seed },
    ...{ low: value - 0.1, high: value + 0.1 },
  });

  it("gives mean, deviation and an interval for each cell", () => {
    const [first, second] = summariseSeeds([row(2, 0.5), row(0, 0.3), row(0, 0.9, "advbench"), row(1, 0.4)]);
    expect(first).toMatchObject({
      key: { variant: "sdft", task: "gsm8k", rank: 8, metric: "accuracy" },
      seeds: [0, 1, 2],
      n: 98,
    });
    expect(first?.mean).toBeCloseTo(0.4, 12);
    expect(first?.deviation).toBeCloseTo(0.1, 12);
    // 4.302652729696144 · 0.1 / √3
    expect(first?.high).toBeCloseTo(0.4 + 0.2484137712, 9);
    expect(first?.low).toBeCloseTo(0.4 - 0.2484137712, 9);
    expect(second).toMatchObject({ seeds: [0], mean: 0.9, deviation: null, low: 0.8, high: 1 });
  });

  it("keeps cells apart that differ in anything but the seed", () => {
    expect(summariseSeeds([row(0, 0.3), row(1, 0.4, "gsm8k", 4), row(1, 0.4, "gsm8k", null)])).toHaveLength(3);
  });

  it("refuses a seed that stands twice", () => {
    expect(() => summariseSeeds([row(0, 0.3), row(0, 0.4)])).toThrow(/seed 0 stands twice/);
  });
});
