import { performance } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { isDeviceFailure, KeptState, type TrainingState } from "../../src/train/training-state.js";

describe("KeptState", () => {
  it("copies after an update, and not again before a copy is two percent of the time since", () => {
    let step = 0;
    const copy = (): TrainingState => {
      const until = performance.now() + 20;
      while (performance.now() < until);
      return { adapter: new Map(), trainer: { step: ++step, firstMoments: {}, secondMoments: {} } };
    };
    const kept = new KeptState(copy);
    expect(kept.state).toBeNull();
    kept.afterUpdate();
    kept.afterUpdate();
    expect(kept.state?.trainer.step).toBe(1);
    kept.put(copy());
    expect(kept.state?.trainer.step).toBe(2);
  });
});

it("isDeviceFailure tells the device's errors from others", () => {
  expect(isDeviceFailure(Object.assign(new Error("lost"), { code: "device" }))).toBe(true);
  expect(isDeviceFailure(Object.assign(new Error("full"), { code: "memory" }))).toBe(true);
  expect(isDeviceFailure(new Error("something else"))).toBe(false);
});
