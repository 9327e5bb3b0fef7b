// The bench of a card, as far as it goes without one: what is known of cards, and the same work on the cpu.
import { describe, expect, it } from "vitest";
import { cardOf, cardSlug, expectCard, freeMegabytes } from "../../src/bench/card.js";
import { measurePart } from "../../src/bench/on-card.js";
import { openEngine } from "../../src/engine/engine.js";
import { openModel } from "../../src/models/resolve.js";
import type { NativeInfo } from "../../src/native/types.js";
import { tinyChat } from "../tiny-chat.js";

const info: NativeInfo = {
  revision: 1,
  compiler: "a compiler",
  backends: [{ name: "cuda", available: false, detail: "no NVIDIA driver (libcuda.so.1 not found)" }],
  cuda: {
    library: "built for 80",
    driver: "CUDA 13.0",
    devices: ["NVIDIA H100 80GB HBM3, compute capability 9.0, 132 multiprocessors, 85.0 GB (84.5 GB free)"],
    memory: { freeBytes: 84.5e9, totalBytes: 85e9 },
    planned: null,
    used: null,
    exact: false,
  },
  cpuFeatures: [],
  instructionSet: null,
  physicalCores: 2,
};

describe("a card", () => {
  it("is known by its name, the fuller name first", () => {
    expect(cardOf("NVIDIA H100 80GB HBM3")).toMatchObject({ teraflops: 989, gigabytesPerSecond: 3350 });
    expect(cardOf("NVIDIA H100 PCIe")).toMatchObject({ teraflops: 756 });
    expect(cardOf("NVIDIA A100-SXM4-80GB")).toMatchObject({ teraflops: 312, gigabytesPerSecond: 2039 });
    expect(cardOf("NVIDIA L40S")).toMatchObject({ teraflops: 362 });
    expect(cardOf("NVIDIA L4")).toMatchObject({ teraflops: 121 });
    expect(cardOf("NVIDIA A40")).toMatchObject({ teraflops: 149.7, gigabytesPerSecond: 696 });
    expect(cardOf("NVIDIA GeForce RTX 4090")).toMatchObject({ teraflops: 165.2, gigabytesPerSecond: 1008 });
    for (const other of [
      "GeForce RTX 4090 D",
      "GeForce RTX 3090 Ti",
      "GeForce RTX 4090 Laptop GPU",
      "H200 NVL",
      "A10G",
    ])
      expect(cardOf(`NVIDIA ${other}`), other).toMatchObject({ teraflops: null, gigabytesPerSecond: null });
    expect(cardOf("NVIDIA Unheard-of")).toMatchObject({ teraflops: null, gigabytesPerSecond: null });
    expect(cardOf("NVIDIA L4", { teraflops: 100 })).toMatchObject({ teraflops: 100, gigabytesPerSecond: 300 });
    expect(cardSlug(cardOf("NVIDIA H100 80GB HBM3"))).toBe("nvidia-h100-80gb-hbm3");
    expect(freeMegabytes(info)).toBe(84500);
  });

  it("is asked for in one sentence, and has to have passed its self-test", () => {
    expect(() => expectCard(info, {})).toThrow(/cuda backend cannot be used here: no NVIDIA driver/);
    const there = { ...info, backends: [{ name: "cuda" as const, available: true, detail: "a card" }] };
    expect(() => expectCard(there, {})).toThrow(/run sdft selftest --device cuda first/);
  });
});

describe("the work of a card", () => {
  const card = { name: "a card", teraflops: 0.5, gigabytesPerSecond: 20 };
  const amounts = { batches: [[2, 10] as const], updates: 2, prompt: 6, newTokens: 4, sequences: [1, 2] };

  it("gives speeds, and shares where the card's peaks are known", async () => {
    using engine = await openEngine(await openModel(tinyChat), { device: "cpu", threads: 1, profile: true });
    const training = await measurePart(engine, { part: "training", card, amounts });
    expect(training.map(({ metric, unit }) => `${metric}: ${unit}`)).toEqual([
      "training 2 x 10: tokens/s",
      "training 2 x 10, needed arithmetic: TFLOP/s",
      "training 2 x 10, MFU: share",
    ]);
    const [speed, arithmetic, share] = training.map(({ value }) => value);
    expect(speed).toBeGreaterThan(0);
    expect(share).toBeCloseTo((arithmetic ?? 0) / 0.5, 12);
    const decoding = await measurePart(engine, { part: "decoding", card, amounts });
    expect(decoding.map(({ metric }) => metric)).toEqual([
      "decoding 1 sequence",
      "decoding 1 sequence, weights read",
      "decoding 1 sequence, share of memory speed",
      "decoding 2 sequences",
    ]);
    const kernels = await measurePart(engine, { part: "kernels", card: null, amounts });
    expect(kernels.map(({ metric }) => metric).join("\n")).toMatch(/training 2 x 10, linear .*\n/);
    expect(kernels.every(({ unit, value }) => (unit === "TFLOP/s" || unit === "GB/s") && value > 0)).toBe(true);
  });
});
