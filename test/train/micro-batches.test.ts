import { describe, expect, it } from "vitest";
import type { ModelSpec } from "../../src/native/types.js";
import { sharedPrefix, type TrainSequence } from "../../src/train/batches.js";
import { defaultMicroBatchTokens, keptRows, packedRows, splitByRows } from "../../src/train/micro-batches.js";

/** `length` tokens of which the first `common` are the same for all, and the last three are labelled. */
function sequence(id: number, length: number, common = 0): TrainSequence {
  const tokens = Int32Array.from({ length }, (_, i) => (i < common ? i : 1000 * (id + 1) + i));
  return { id: `row-${id}`, tokens, labels: tokens.map((token, i) => (i < length - 3 ? -100 : token)) };
}

const ids = (batches: readonly (readonly TrainSequence[])[]): string[][] =>
  batches.map((batch) => batch.map(({ id }) => id));

describe("splitByRows", () => {
  const lengths = [40, 10, 30, 20, 25, 35, 15, 25];
  const sequences = lengths.map((length, id) => sequence(id, length));

  it("keeps one micro-batch where it fits", () => {
    expect(splitByRows(sequences, 200, "none")).toEqual([sequences]);
  });

  it("makes as few as fit, of about equal size, in the order of the update", () => {
    const batches = splitByRows(sequences, 110, "none");
    expect(batches.map((batch) => packedRows(batch, "none"))).toEqual([100, 100]);
    expect(ids(batches).flat().sort()).toEqual(sequences.map(({ id }) => id).sort());
    for (const batch of ids(batches)) expect(batch).toEqual([...batch].sort());
    expect(splitByRows(sequences, 110, "none")).toEqual(batches);
  });

  it("never exceeds the limit but by a single example", () => {
    const long = [...sequences, sequence(8, 90)];
    for (const limit of [1, 30, 45, 64, 100, 140]) {
      const batches = splitByRows(long, limit, "none");
      expect(batches.flat().length).toBe(long.length);
      for (const batch of batches)
        expect(batch.length === 1 || packedRows(batch, "none") <= limit, `limit ${limit}`).toBe(true);
    }
  });

  it("counts a common prefix once in each micro-batch", () => {
    const alike = lengths.map((length, id) => sequence(id, length + 50, 50));
    expect(sharedPrefix(alike)).toBe(50);
    expect(packedRows(alike, "prefix")).toBe(250);
    expect(packedRows(alike, "none")).toBe(600);
    expect(splitByRows(alike, 250, "prefix")).toHaveLength(1);
    expect(splitByRows(alike, 249, "prefix")).toHaveLength(2);
    expect(splitByRows(alike, 250, "none")).toHaveLength(3);
  });

  it("takes one sequence, and none", () => {
    expect(splitByRows([sequence(0, 9)], 4, "prefix")).toHaveLength(1);
    expect(splitByRows([], 4, "prefix")).toEqual([]);
  });
});

describe("rows by the shape of the model", () => {
  const spec = { width: 576, queryHeads: 9, kvHeads: 3, headSize: 64, innerWidth: 1536 } as ModelSpec;
  const adapter = { rank: 8, targets: ["q_proj", "v_proj"] } as const;
  const layers = (count: number): ModelSpec => ({
    ...spec,
    queryKeyNorm: false,
    sandwichNorms: false,
    layers: Array.from({ length: count }, () => ({ slidingWindow: 0, rope: 0 })),
  });

  it("bounds a micro-batch", () => {
    // SmolLM2-135M: 23,140 bytes a row and layer.
    expect(defaultMicroBatchTokens(layers(30), adapter, "store")).toBe(640);
    expect(defaultMicroBatchTokens(layers(1), adapter, "store")).toBe(4096);
    expect(defaultMicroBatchTokens(layers(300), adapter, "store")).toBe(256);
    expect(defaultMicroBatchTokens(layers(30), adapter, "recompute")).toBeGreaterThan(2500);
  });

  it("bounds what a longer example keeps: four times as much, and no less than a micro-batch", () => {
    expect(keptRows(layers(30), adapter, 640)).toBe(2560);
    expect(keptRows(layers(30), adapter, 100)).toBe(400);
    expect(keptRows(layers(300), adapter, 256)).toBe(261);
    expect(keptRows(layers(300), adapter, 1000)).toBe(1000);
  });
});
