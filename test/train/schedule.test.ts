import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scheduleFactor, warmupSteps } from "../../src/train/schedule.js";
import { sharedPath } from "../shared-folder.js";

const factors = (type: Parameters<typeof scheduleFactor>[0]["type"], warmup: number, total: number): number[] =>
  Array.from({ length: total }, (_, step) => scheduleFactor({ type, warmupSteps: warmup, totalSteps: total }, step));

describe("scheduleFactor", () => {
  it("falls from 1 by a cosine", () => {
    expect(factors("cosine", 0, 4).map((value) => value.toFixed(6))).toEqual([
      "1.000000",
      "0.853553",
      "0.500000",
      "0.146447",
    ]);
  });

  it("falls linearly after the warm-up", () => {
    expect(factors("linear", 2, 6)).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25]);
  });

  it("stays at 1, with or without a warm-up", () => {
    expect(factors("constant", 2, 3)).toEqual([1, 1, 1]);
    expect(factors("constant_with_warmup", 2, 4)).toEqual([0, 0.5, 1, 1]);
  });

  const curve = sharedPath("reference", "train_curve.json");
  it.skipIf(curve === null)("gives the rates of transformers' cosine", () => {
    const { steps } = JSON.parse(readFileSync(curve ?? "", "utf8")) as { steps: { lr: number }[] };
    const schedule = { type: "cosine", warmupSteps: 0, totalSteps: 20 } as const;
    for (const [step, { lr }] of steps.entries()) expect(1e-4 * scheduleFactor(schedule, step)).toBeCloseTo(lr, 12);
  });
});

describe("warmupSteps", () => {
  it("takes steps before a ratio, and rounds a ratio up", () => {
    expect(warmupSteps({ steps: 3, ratio: 0.5 }, 100)).toBe(3);
    expect(warmupSteps({ steps: 0, ratio: 0.03 }, 110)).toBe(4);
    expect(warmupSteps({ steps: 0, ratio: 0 }, 110)).toBe(0);
  });
});
