// The plan of a card's memory, and the goals for a 7B shape: weights of Llama 2's shapes that exist nowhere.
import { describe, expect, it } from "vitest";
import { generationWork } from "../../src/engine/generation-batch.js";
import { deviceLimit, expectFits } from "../../src/engine/memory-limit.js";
import { type MemoryPlan, type PlannedModel, planGeneration, reservedBytes } from "../../src/engine/memory-plan.js";
import type { ModelSpec, WeightEntry, WeightFormat } from "../../src/native/loading.js";
import { parseTrainingConfig } from "../../src/train/config.js";
import { fitTraining, planTrainingMemory } from "../../src/train/training-memory.js";

const layers = 32;
const spec: ModelSpec = {
  ...{ architecture: "llama", vocabSize: 32000, width: 4096, queryHeads: 32, kvHeads: 32, headSize: 128 },
  ...{ innerWidth: 11008, maxPositions: 4096, normEpsilon: 1e-5, normOffset: 0, activation: "silu", embeddingScale: 1 },
  ...{ attentionScale: 1 / Math.sqrt(128), queryKeyNorm: false, sandwichNorms: false, tiedHead: false },
  ropes: [{ inverseFrequencies: Float64Array.from({ length: 64 }, () => 1), attentionScale: 1, dynamic: null }],
  layers: Array.from({ length: layers }, () => ({ slidingWindow: 0, rope: 0 })),
};

function weights(): WeightEntry[] {
  const entry = (name: string, ...shape: number[]): WeightEntry => ({
    ...{ name, type: "bf16", shape, file: 0, offset: 0, rowOrder: "natural" },
  });
  const { width, innerWidth, vocabSize } = spec;
  const layer = Array.from({ length: layers }, (_, index) => {
    const at = `model.layers.${index}.`;
    return [
      ...["q", "k", "v", "o"].map((one) => entry(`${at}self_attn.${one}_proj.weight`, width, width)),
      ...["gate", "up"].map((one) => entry(`${at}mlp.${one}_proj.weight`, innerWidth, width)),
      entry(`${at}mlp.down_proj.weight`, width, innerWidth),
      entry(`${at}input_layernorm.weight`, width),
      entry(`${at}post_attention_layernorm.weight`, width),
    ];
  });
  return [
    entry("model.embed_tokens.weight", vocabSize, width),
    entry("lm_head.weight", vocabSize, width),
    entry("model.norm.weight", width),
    ...layer.flat(),
  ];
}

const model = (weightFormat: WeightFormat): PlannedModel => ({
  ...{ spec, weights: weights(), backend: "cuda", weightFormat, threads: 8, processBytes: 200e6 },
});

const adapter = { rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;
const sequences = Array.from({ length: 8 }, (_, index) => {
  const tokens = new Int32Array(512).fill(index);
  return { id: String(index), tokens, labels: tokens };
});

function training(format: WeightFormat, how: object): MemoryPlan {
  const wish = parseTrainingConfig({ max_steps: 1, shuffle: false, per_device_train_batch_size: 8, ...how }, "a test");
  const need = { sequences, settings: adapter, seed: 0 };
  const config = fitTraining(wish, model(format), need, deviceLimit({ freeBytes: 80e9, totalBytes: 80e9 }, null));
  return planTrainingMemory(config, model(format), need);
}

const part = (plan: MemoryPlan, name: string): number =>
  plan.parts.find((one) => one.name.startsWith(name))?.bytes ?? 0;

describe("a 7B shape on a card", () => {
  it.each([
    { activations: "store" },
    { activations: "recompute" },
    { activations: "recompute", micro_batch_tokens: 4096 },
  ])("trains 8 × 512 tokens in 24 GB with bf16 weights, in 12 with 4 bits (%o)", (how) => {
    const [whole, coarse] = [training("bf16", how), training("q4", how)];
    expect(part(whole, "weights")).toBeGreaterThan(13.4e9);
    expect(part(whole, "weights")).toBeLessThan(13.6e9);
    expect(part(coarse, "weights")).toBeLessThan(5.2e9);
    expect(whole.peak).toBeLessThan(24e9);
    expect(coarse.peak).toBeLessThan(12e9);
  });

  it("counts nothing of the process, and the cache in bf16", () => {
    const plan = planGeneration(model("bf16"), generationWork(spec, [512], 512, adapter));
    expect(plan.parts.map(({ name }) => name)).toEqual([
      "weights (bf16)",
      "kernels and libraries",
      "keys and values",
      "generation scratch",
      "adapter",
    ]);
    expect(part(plan, "keys and values")).toBe(2 * 2 * 1024 * 4096 * layers);
    expect(plan.parts.every(({ bytes }) => bytes > 0)).toBe(true);
    expect(reservedBytes([plan])).toBe(plan.peak - part(plan, "kernels"));
    expect(reservedBytes([])).toBe(0);
  });

  it("counts the cache in float32 where everything is", () => {
    const work = generationWork(spec, [512], 512, adapter);
    const [rounded, exact] = [model("bf16"), { ...model("bf16"), exact: true }].map((one) => planGeneration(one, work));
    if (rounded === undefined || exact === undefined) throw new Error("two plans");
    expect(part(exact, "keys and values")).toBe(2 * part(rounded, "keys and values"));
  });

  it("is refused with numbers where another program holds the card", () => {
    const plan = training("bf16", {});
    expect(() => expectFits([plan], deviceLimit({ freeBytes: 10 * 2 ** 30, totalBytes: 24 * 2 ** 30 }, null))).toThrow(
      /^Expected training to fit in 10 GiB, what is free on the card \(the driver and other processes hold 14 GiB\), but it needs 15 GiB: weights \(bf16\) 13 GiB, .*; use --weights q4/,
    );
    expect(deviceLimit({ freeBytes: 10, totalBytes: 30 }, 20)).toEqual({ bytes: 10, source: "device", held: 20 });
    expect(deviceLimit({ freeBytes: 20, totalBytes: 30 }, 10)).toEqual({ bytes: 10, source: "budget" });
  });
});
