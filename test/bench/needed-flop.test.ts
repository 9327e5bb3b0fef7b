// The formula against a count by hand: one layer is first and last at once, so two layers show each saving.
import { expect, it } from "vitest";
import { modelShapes } from "../../src/bench/made-up-model.js";
import { neededTrainingFlop } from "../../src/bench/needed-flop.js";
import type { ModelSpec, TrainBatch } from "../../src/native/types.js";

const spec: ModelSpec = {
  ...modelShapes["135M"].spec,
  ...{ vocabSize: 50, width: 8, innerWidth: 12, queryHeads: 4, kvHeads: 2, headSize: 2 },
  layers: [
    { slidingWindow: 0, rope: 0 },
    { slidingWindow: 2, rope: 0 },
  ],
};

/** A shared segment of two rows, then one of three and one of one; rows 4 and 5 are labelled. */
const batch: TrainBatch = {
  tokens: new Int32Array(6),
  targets: Int32Array.of(-1, -1, -1, -1, 7, 7),
  parents: Int32Array.of(-1, 0, 0),
  starts: Int32Array.of(0, 2, 5, 6),
  ids: ["a", "a", "b"],
  lossScale: 1,
};

it("counts products, attention, adapters and head, each only where needed", () => {
  const [queries, keys] = [8 * 8, 8 * 4];
  const rest = 8 * 8 + 2 * 8 * 12 + 12 * 8;
  const first = 6 * (queries + 2 * keys) + 6 * 2 * rest; // no gradient into the first layer's input
  const last = 6 * 2 * 2 * keys + 2 * 2 * (queries + rest); // two labelled rows
  const head = 2 * 2 * 8 * 50;
  const seenFirst = 1 + 2 + (3 + 4 + 5) + 3;
  const seenLast = 2 + 2; // a window of two
  const attention = 6 * (seenFirst + seenLast) * 8;
  const rank = 3;
  const adapterFirst = 6 * (2 * rank * (8 + 8) + rank * 8);
  const adapterLast = 2 * (2 * rank * (8 + 8) + rank * 8 + rank * 8);
  expect(neededTrainingFlop(spec, { rank, targets: ["q_proj"] }, batch)).toBe(
    2 * (first + last + head + attention + adapterFirst + adapterLast),
  );
});

it("gives about what is known of the default model: 4 FLOP a weight and token, and the head where labelled", () => {
  const length = 200;
  const whole: TrainBatch = {
    tokens: new Int32Array(length),
    targets: new Int32Array(length).fill(1).fill(-1, 0, 160),
    parents: Int32Array.of(-1),
    starts: Int32Array.of(0, length),
    ids: ["a"],
    lossScale: 1,
  };
  const adapter = { rank: 8, targets: ["q_proj", "v_proj"] } as const;
  const perToken = neededTrainingFlop(modelShapes["135M"].spec, adapter, whole) / length;
  expect(perToken).toBeGreaterThan(0.42e9);
  expect(perToken).toBeLessThan(0.47e9);
});
