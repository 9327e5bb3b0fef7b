import { describe, expect, it } from "vitest";
import { beforeStop, checkSampling, cutAtStop, greedySampling } from "../../src/engine/sampling.js";

describe("checkSampling", () => {
  it("accepts greedy and ordinary sampling", () => {
    expect(() => checkSampling(greedySampling)).not.toThrow();
    expect(() => checkSampling({ ...greedySampling, temperature: 0.95, topK: 50, topP: 0.7 })).not.toThrow();
  });

  it("names every fault", () => {
    const bad = { ...greedySampling, temperature: -1, topP: 0, minNewTokens: 9, maxNewTokens: 4, stop: [""] };
    expect(() => checkSampling(bad)).toThrow(
      /temperature must be .*not -1; topP must be .*not 0; minNewTokens \(9\).*a stop string/,
    );
    expect(() => checkSampling({ ...greedySampling, temperature: Number.NaN })).toThrow(/temperature/);
    expect(() => checkSampling(bad, (key) => `<${key}>`)).toThrow(
      /fit: <temperature> must .*; <topP> must .*; <minNewTokens> \(9\) must not be over <maxNewTokens> \(4\)/,
    );
  });
});

describe("beforeStop", () => {
  it("holds back what may become a stop string", () => {
    expect(beforeStop("one t", ["two", "one x"])).toBe("one ");
    expect(beforeStop("one tw", ["two", "w!!"])).toBe("one ");
    expect(beforeStop("one ta", ["two"])).toBe("one ta");
    expect(beforeStop("one two three", ["two"])).toBe("one ");
    expect(beforeStop("aab", ["aabc", "bb"])).toBe("");
    expect(beforeStop("one", [])).toBe("one");
    expect(beforeStop("", ["two"])).toBe("");
  });
});

describe("cutAtStop", () => {
  it("cuts before the first stop string that occurs", () => {
    expect(cutAtStop("one two three", ["three", "two"])).toBe("one ");
    expect(cutAtStop("one", ["two"])).toBe("one");
    expect(cutAtStop("one", [])).toBe("one");
  });
});
