// measureKernels: the roof, and a product of every storage; only that there are figures, not which.
import { expect, it } from "vitest";
import { loadAddon } from "../../src/native/addon.js";
import type { MeasuredProduct } from "../../src/native/types.js";
import { wrong } from "./tiny-engine.js";

const product: MeasuredProduct = { inputs: 1024, outputs: 4096, type: "f32", rows: 3, pass: "forward" };

it("times the machine and products in the order asked for", async () => {
  const types = ["f32", "bf16", "q8_0", "q4_0", "q4_1"] as const;
  const products = types.flatMap((type): MeasuredProduct[] => [
    { ...product, type },
    { ...product, type, pass: "gradient" },
  ]);
  const { roof, products: times } = await loadAddon().measureKernels({ threads: 1, products });
  expect(roof.gflops).toBeGreaterThan(0);
  expect(roof.gigabytesPerSecond).toBeGreaterThan(0);
  expect(roof.instructionSet).not.toBe("");
  expect(times).toHaveLength(products.length);
  for (const { seconds, peakGflops } of times) {
    expect(seconds).toBeGreaterThan(0);
    expect(peakGflops).toBeGreaterThan(0);
  }
  const bytes = times.filter((_, index) => index % 2 === 0).map(({ weightBytes }) => weightBytes);
  expect(bytes[0]).toBe(4 * 1024 * 4096);
  expect(bytes[1]).toBe(2 * 1024 * 4096);
  expect(bytes[2]).toBeLessThan(bytes[1] ?? 0);
  expect(bytes[3]).toBeLessThan(bytes[2] ?? 0);
});

it.each<[string, unknown, RegExp]>([
  [
    "another storage",
    { ...product, type: "q6_k" },
    /weights of f32, bf16, q8_0, q4_0 or q4_1 to measure but received q6_k\.$/,
  ],
  [
    "a broken block",
    { ...product, type: "q4_0", inputs: 40 },
    /multiple of 32 inputs for weights in blocks but received 40\.$/,
  ],
  [
    "a pass",
    { ...product, pass: "sideways" },
    /forward or gradient for options\.products\[0\]\.pass but received "sideways"\.$/,
  ],
])("refuses %s", async (_, bad, message) => {
  await expect(loadAddon().measureKernels({ threads: 1, products: [wrong(bad)] })).rejects.toThrow(message);
});
