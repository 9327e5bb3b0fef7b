import { describe, expect, it } from "vitest";
import {
  type BatchPlan,
  epochOrder,
  labelledTokens,
  packBatch,
  sharedPrefix,
  stepsPerEpoch,
  updateExamples,
} from "../../src/train/batches.js";

const plan: BatchPlan = { batchSize: 6, shuffle: "seeded", seed: 5 };
const ids = Array.from({ length: 14 }, (_, index) => `row-${index}`);

describe("batches", () => {
  it("cut an epoch into updates, the last one smaller", () => {
    expect(stepsPerEpoch(14, plan)).toBe(3);
    const order = epochOrder(ids, plan, 0);
    expect([0, 1, 2].map((step) => updateExamples(order, plan, step).length)).toEqual([6, 6, 2]);
    const all = [0, 1, 2].flatMap((step) => updateExamples(order, plan, step));
    expect([...all].sort((a, b) => a - b)).toEqual(ids.map((_, index) => index));
  });

  it("shuffle every epoch anew, and not at all when asked", () => {
    expect(epochOrder(ids, plan, 0)).not.toEqual(epochOrder(ids, plan, 1));
    expect(epochOrder(ids, { ...plan, shuffle: "none" }, 1)).toEqual(ids.map((_, index) => index));
  });
});

describe("packBatch", () => {
  const first = { id: "a", tokens: Int32Array.of(1, 2, 3), labels: Int32Array.of(-100, -100, 3) };
  const second = { id: "b", tokens: Int32Array.of(4, 5), labels: Int32Array.of(4, 5) };

  it("shifts labels to the row that predicts them and keeps sequences apart", () => {
    const batch = packBatch([first, second], 0.5);
    expect([...batch.tokens]).toEqual([1, 2, 3, 4, 5]);
    expect([...batch.targets]).toEqual([-1, 3, -1, 5, -1]);
    expect([...batch.starts]).toEqual([0, 3, 5]);
    expect([...batch.parents]).toEqual([-1, -1]);
    expect(batch.ids).toEqual(["a", "b"]);
    expect(batch.lossScale).toBe(0.5);
  });

  it("doesn't count a label on the first token: nothing predicts it", () => {
    expect(labelledTokens(second)).toBe(1);
  });
});

describe("a shared prefix", () => {
  const sequence = (id: string, tokens: number[], masked: number) => ({
    id,
    tokens: Int32Array.from(tokens),
    labels: Int32Array.from(tokens.map((token, i) => (i < masked ? -100 : token))),
  });
  const first = sequence("a", [7, 8, 9, 1, 2], 3);
  const second = sequence("b", [7, 8, 9, 3], 3);

  it("ends where the tokens part, and before the row that predicts a label", () => {
    expect(sharedPrefix([first, sequence("c", [7, 5, 9, 1], 3)])).toBe(1);
    expect(sharedPrefix([first, sequence("c", [5, 8, 9, 1], 3)])).toBe(0);
    // Tokens 0 to 2 are common, but the row of token 2 predicts a label of each.
    expect(sharedPrefix([first, second])).toBe(2);
    expect(sharedPrefix([first])).toBe(0);
  });

  it("becomes one segment, the parent of what is left of each sequence", () => {
    const batch = packBatch([first, second], 0.25, 2);
    expect([...batch.tokens]).toEqual([7, 8, 9, 1, 2, 9, 3]);
    expect([...batch.targets]).toEqual([-1, -1, 1, 2, -1, 3, -1]);
    expect([...batch.starts]).toEqual([0, 2, 5, 7]);
    expect([...batch.parents]).toEqual([-1, 0, 0]);
    expect(batch.ids).toEqual(["a", "a", "b"]);
  });
});
