import { describe, expect, it } from "vitest";
import { describeRest, formatDuration } from "../../src/cli/terminal.js";

describe("formatDuration", () => {
  it("has minutes and seconds, and hours where there are any", () => {
    expect([4, 62, 3600 + 125].map(formatDuration)).toEqual(["0:04", "1:02", "1:02:05"]);
  });
});

describe("describeRest", () => {
  it("tells tokens a second, time left and the detail", () => {
    const progress = { stage: "train", done: 5, total: 10, unit: "steps", tokens: 500, detail: "loss 0.5" };
    expect(describeRest(progress, 10, 0)).toBe(", 50 tokens/s, 0:10 left, loss 0.5");
  });

  it("estimates from the share of the work where rows end together, and from where the clock started", () => {
    const progress = { stage: "distil", done: 0, total: 10, unit: "rows", share: 0.5, tokensPerSecond: 7 };
    expect(describeRest(progress, 30, 0.25)).toBe(", 7 tokens/s, 1:00 left");
  });

  it("promises nothing before anything is done, or after all is", () => {
    expect(describeRest({ stage: "x", done: 0, total: 10, unit: "rows" }, 10, 0)).toBe("");
    expect(describeRest({ stage: "x", done: 10, total: 10, unit: "rows" }, 10, 0)).toBe("");
  });
});
