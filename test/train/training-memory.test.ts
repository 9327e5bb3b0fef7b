import { describe, expect, it } from "vitest";
import type { MemoryLimit } from "../../src/engine/memory-limit.js";
import { type PlannedModel, typicalProcessBytes } from "../../src/engine/memory-plan.js";
import { openModel } from "../../src/models/resolve.js";
import { parseTrainingConfig } from "../../src/train/config.js";
import { fitTraining, planTrainingMemory } from "../../src/train/training-memory.js";
import { tinyChat } from "../tiny-chat.js";

const settings = { rank: 8, alpha: 16, dropout: 0, targets: ["q_proj"], scaling: "standard" } as const;
const sequences = Array.from({ length: 12 }, (_, row) => {
  const tokens = Int32Array.from({ length: 60 + 10 * row }, (_, i) => 3 + ((row * 7 + i) % 90));
  return { id: `row-${row}`, tokens, labels: tokens };
});
const need = { sequences, settings, seed: 0 };
const wish = parseTrainingConfig({ max_steps: 2, per_device_train_batch_size: 8 }, "a test");

async function model(processBytes: number = typicalProcessBytes): Promise<PlannedModel> {
  const { spec, weights } = await openModel(tinyChat);
  return { spec, weights, backend: "cpu", weightFormat: "native", threads: 2, processBytes };
}

const budget = (bytes: number): MemoryLimit => ({ bytes, source: "budget" });

describe("fitTraining", () => {
  it("lowers the default under a budget until the plan fits", async () => {
    const planned = await model();
    const whole = fitTraining(wish, planned, need, budget(2 ** 40));
    const least = planTrainingMemory({ ...whole, micro_batch_tokens: 1 }, planned, need).peak;
    const most = planTrainingMemory(whole, planned, need).peak;
    const limit = Math.round((least + most) / 2);
    const fitted = fitTraining(wish, planned, need, budget(limit));
    expect(whole.micro_batch_tokens).toBe(4096);
    expect(fitted.micro_batch_tokens).toBeLessThan(4096);
    expect(planTrainingMemory(fitted, planned, need).peak).toBeLessThanOrEqual(limit);
  });

  it("goes by the budget alone: neither the process nor the machine changes the size", async () => {
    const planned = await model();
    const limit = planTrainingMemory({ ...wish, micro_batch_tokens: 200 }, planned, need).peak;
    const sizes = await Promise.all(
      [1, typicalProcessBytes].map(async (bytes) => fitTraining(wish, await model(bytes), need, budget(limit))),
    );
    expect(sizes[0]).toEqual(sizes[1]);
    const machine = fitTraining(wish, planned, need, { bytes: limit, source: "machine" });
    expect(machine.micro_batch_tokens).toBe(4096);
  });

  it("leaves a given size alone, and refuses a budget below one sequence by name", async () => {
    const planned = await model();
    const given = { ...wish, micro_batch_tokens: 77 };
    expect(fitTraining(given, planned, need, budget(2 ** 40)).micro_batch_tokens).toBe(77);
    expect(() => fitTraining(given, planned, need, budget(typicalProcessBytes))).toThrow(
      /too small for one sequence: training on example row-11 alone \(170 tokens\)/,
    );
  });
});

describe("examples longer than a micro-batch", () => {
  it("keep all layers, and fewer under a budget, which decides their micro-batches as before", async () => {
    const planned = await model();
    const given = { ...wish, micro_batch_tokens: 50 };
    const peakAt = (stored: number): number =>
      planTrainingMemory({ ...given, stored_rows: stored }, planned, need).peak;
    const whole = fitTraining(given, planned, need, budget(2 ** 40));
    expect(planTrainingMemory(whole, planned, need).peak).toBe(peakAt(170));
    expect(peakAt(170)).toBeGreaterThan(peakAt(50));

    const short = fitTraining(given, planned, need, budget(peakAt(170) - 1));
    expect(short.stored_rows).toBeLessThan(170);
    expect(planTrainingMemory(short, planned, need).peak).toBeLessThan(peakAt(170));

    const limit = planTrainingMemory({ ...wish, micro_batch_tokens: 150, stored_rows: 150 }, planned, need).peak;
    const free = fitTraining(wish, planned, need, budget(limit));
    expect(free.micro_batch_tokens).toBe(128);
    expect(planTrainingMemory(free, planned, need).peak).toBeLessThanOrEqual(limit);
  });

  it("keep nothing where all layers run again", async () => {
    const planned = await model();
    const again = { ...wish, micro_batch_tokens: 50, activations: "recompute" as const };
    const plan = planTrainingMemory(fitTraining(again, planned, need, budget(2 ** 40)), planned, need);
    expect(plan.peak).toBe(planTrainingMemory({ ...again, stored_rows: 0 }, planned, need).peak);
  });
});

describe("planTrainingMemory", () => {
  it("looks at no more updates than it has to: 10^12 epochs are planned in seconds, and for no less than a few", async () => {
    const planned = await model();
    const peak = (epochs: number) => {
      const config = { ...wish, max_steps: -1, num_train_epochs: epochs, micro_batch_tokens: 300 };
      return planTrainingMemory(config, planned, need).peak;
    };
    expect(peak(1e12)).toBeGreaterThanOrEqual(peak(3));
    expect(peak(1e12)).toBeLessThan(1.1 * peak(3));
  });
});
