// Every job on a tiny model: the figures it gives, not their size.
import { describe, expect, it } from "vitest";
import { ours } from "../../src/bench/contestant.js";
import type { EngineChoice } from "../../src/bench/engine-choice.js";
import { runJob } from "../../src/bench/job.js";
import { makeUpModel, modelShapes } from "../../src/bench/made-up-model.js";
import { describeRows, summarise } from "../../src/bench/measurement.js";
import { openEngine } from "../../src/engine/engine.js";
import { tinyChat } from "../tiny-chat.js";

const choice: EngineChoice = { weights: "native", compute: "f32", threads: 1, profile: false };
const rows = [{ tokens: [5, 6, 7, 8], labels: [-100, -100, 7, 8] }, { tokens: [5, 6, 9] }];
const on = { model: tinyChat, choice };

describe("a job", () => {
  it("of training gives speed, share of the peak and memory, and the kernels with profile", async () => {
    const work = { rows, batch: 2 };
    const { measurements, notes } = await runJob({ kind: "train", ...on, work });
    expect(measurements.map(({ metric }) => metric)).toEqual([
      "training",
      "share of the multiply-add peak",
      "peak memory",
    ]);
    for (const { value } of measurements) expect(value).toBeGreaterThan(0);
    expect(notes).toEqual([]);
    const profiled = await runJob({ kind: "train", model: tinyChat, choice: { ...choice, profile: true }, work });
    expect(profiled.notes.join("\n")).toMatch(/attention_backward .*\n/);
  });

  it("of generating and decoding gives forced tokens", async () => {
    const { measurements } = await runJob({ kind: "generate", ...on, work: { rows, newTokens: 3 } });
    expect(measurements[0]).toMatchObject({ metric: "generating", details: { prompts: 2, new: 6 } });
    const decoding = await runJob({ kind: "decode", ...on, work: { rows, newTokens: 3, context: 6 } });
    expect(decoding.measurements[0]).toMatchObject({ unit: "tokens/s", details: { context: 6, new: 3 } });
  });

  it("of a model made ready says where the time went", async () => {
    const { measurements } = await runJob({ kind: "ready", ...on });
    expect(measurements[0]?.details).toMatchObject({
      openSeconds: expect.any(Number),
      loadSeconds: expect.any(Number),
    });
  });

  it("names integer products, and refuses them in words where weights are no integers", async () => {
    const int = { model: tinyChat, choice: { ...choice, compute: "int" } } as const;
    expect((await runJob({ kind: "ready", ...int })).measurements[0]?.system).toBe("sdft --compute int");
    await expect(runJob({ kind: "generate", ...int, work: { rows, newTokens: 3 } })).rejects.toThrow(
      /add --weights q8/,
    );
  });
});

it("a made-up model runs, and its file goes with it", async () => {
  const { of, spec } = modelShapes["135M"];
  const small = { of, spec: { ...spec, vocabSize: 64, layers: spec.layers.slice(0, 1) } };
  await using model = await makeUpModel(small);
  using engine = await openEngine(model, { device: "cpu", threads: 1 });
  const logits = await engine.logits([1, 2, 3]);
  expect(logits).toHaveLength(3 * 64);
  expect(logits.every(Number.isFinite)).toBe(true);
  expect(new Set(logits).size).toBeGreaterThan(60);
});

it("a contestant is named for progress, and rows stand under their case", () => {
  expect(ours("help", { kind: "help" }).label).toBe("help");
  const origin = { date: "2026-01-01T00:00:00Z", commit: "abc", machine: "two-cores", case: "train" };
  const measurement = { system: "sdft", metric: "training", unit: "tokens/s", value: 10, details: {} };
  expect(describeRows(summarise(origin, [measurement, { ...measurement, value: 20 }]))).toEqual([
    "train",
    "  sdft  training        15 tokens/s (10 to 20, n 2)",
  ]);
  expect(describeRows([])).toEqual([]);
});
