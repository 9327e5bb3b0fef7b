// Which examples an update takes, over several passes, and how they are packed.
import { describe, expect, it } from "vitest";
import type { TrainSequence } from "../../src/train/batches.js";
import { microBatchesOf, packUpdate, type UpdatePlan } from "../../src/train/updates.js";

/** Ten tokens, the first two the same for all, the last `labels` labelled. */
function sequence(id: number, labels: number): TrainSequence {
  const tokens = Int32Array.from({ length: 10 }, (_, i) => (i < 2 ? i : 100 * (id + 1) + i));
  return { id: `row-${id}`, tokens, labels: tokens.map((token, i) => (i < 10 - labels ? -100 : token)) };
}

const sequences = Array.from({ length: 7 }, (_, id) => sequence(id, 3));
const seeded: UpdatePlan = {
  batches: { batchSize: 3, shuffle: "seeded", seed: 5 },
  sharing: "none",
  microBatchTokens: 20,
};
const idsOf = (batches: readonly (readonly TrainSequence[])[]): string[] => batches.flat().map(({ id }) => id);

describe("the micro-batches of an update", () => {
  it("take every example once a pass, in another order the next", () => {
    const at = microBatchesOf(sequences, seeded);
    const pass = (first: number) => [0, 1, 2].map((step) => idsOf(at(first + step)));
    const [one, two] = [pass(0), pass(3)];
    for (const updates of [one, two]) {
      expect(updates.map((ids) => ids.length)).toEqual([3, 3, 1]);
      expect(updates.flat().sort()).toEqual(sequences.map(({ id }) => id));
    }
    expect(two).not.toEqual(one);
  });

  it("are those of the step, whatever was asked before", () => {
    const at = microBatchesOf(sequences, seeded);
    const inOrder = [0, 1, 2, 3, 4].map((step) => idsOf(at(step)));
    expect([4, 1, 3, 0, 2].map((step) => idsOf(microBatchesOf(sequences, seeded)(step)))).toEqual(
      [4, 1, 3, 0, 2].map((step) => inOrder[step]),
    );
    expect(idsOf(at(1))).toEqual(inOrder[1]);
  });

  it("go by the file without a shuffle, and hold no more rows than they may", () => {
    const at = microBatchesOf(sequences, { ...seeded, batches: { ...seeded.batches, shuffle: "none" } });
    expect(idsOf(at(1)).sort()).toEqual(["row-3", "row-4", "row-5"]);
    expect(idsOf(at(5))).toEqual(["row-6"]);
    expect(
      at(1)
        .map((batch) => batch.length)
        .sort(),
    ).toEqual([1, 2]);
  });
});

describe("packUpdate", () => {
  it("takes the mean over the labelled tokens of the whole update, and counts a shared token for each example", () => {
    const [a, b, c] = [sequence(0, 1), sequence(1, 2), sequence(2, 5)];
    const { batches, tokens } = packUpdate([[a, b], [c]], "prefix");
    expect(tokens).toBe(30);
    expect(batches.map(({ lossScale }) => lossScale)).toEqual([1 / 8, 1 / 8]);
    expect(batches.map(({ tokens: packed }) => packed.length)).toEqual([18, 10]);
    expect(packUpdate([[a, b], [c]], "none").batches.map(({ tokens: packed }) => packed.length)).toEqual([20, 10]);
  });

  it("makes what all micro-batches begin with the first segment of each", () => {
    const [a, b, c] = [sequence(0, 1), sequence(1, 2), sequence(2, 5)];
    // The first two go on alike for two tokens more.
    for (const one of [a, b]) one.tokens.set([8, 9], 2);
    const [first, second] = packUpdate([[a, b], [c]], "prefix").batches;
    expect([...(first?.starts ?? [])]).toEqual([0, 2, 4, 10, 16]);
    expect([...(first?.parents ?? [])]).toEqual([-1, 0, 1, 1]);
    expect(first?.ids).toEqual(["row-0", "row-0", "row-0", "row-1"]);
    expect([...(second?.starts ?? [])]).toEqual([0, 2, 10]);
    expect([...(second?.parents ?? [])]).toEqual([-1, 0]);
    expect([first?.prefix, second?.prefix]).toEqual([
      { opens: true, closes: false },
      { opens: false, closes: true },
    ]);
  });

  it("leaves every micro-batch alone where tokens differ, where nothing is shared, and where it is the only one", () => {
    const [a, b, c] = [sequence(0, 1), sequence(1, 2), sequence(2, 5)];
    const prefixes = (batches: TrainSequence[][], sharing: UpdatePlan["sharing"]) =>
      packUpdate(batches, sharing).batches.map(({ prefix }) => prefix);
    expect(prefixes([[a, b], [c]], "prefix")).not.toContain(undefined);
    expect(prefixes([[a, b], [c]], "none")).toEqual([undefined, undefined]);
    expect(prefixes([[a, b, c]], "prefix")).toEqual([undefined]);
    c.tokens[0] = 50;
    expect(prefixes([[a, b], [c]], "prefix")).toEqual([undefined, undefined]);
  });
});
