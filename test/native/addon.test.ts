// What the addon tells of itself, and which models it refuses to load.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src/native/addon.js";
import type { LoadOptions } from "../../src/native/types.js";
import { load, loadOptions, modelFolder, wrong } from "./tiny-engine.js";

describe("info", () => {
  it("names revision, compiler and the three backends", () => {
    const info = loadAddon().info();
    expect(info.revision).toBeGreaterThan(0);
    expect(info.compiler).toMatch(/\d/);
    expect(info.physicalCores).toBeGreaterThan(0);
    expect(info.backends.map(({ name }) => name)).toEqual(["cpu", "reference", "cuda"]);
    expect(info.backends.find(({ name }) => name === "reference")?.available).toBe(true);
    for (const { detail } of info.backends) expect(detail).not.toBe("");
  });
});

describe("loadModel", () => {
  it("tells what memory the model takes", async () => {
    using model = await load();
    expect(model.memory.mapped).toBeGreaterThan(80_000);
    expect(model.memory.weights).toBeGreaterThanOrEqual(0);
  });

  it.each<[string, (good: LoadOptions) => unknown, string]>([
    ["options", () => null, "an object for options"],
    [
      "a size",
      (good) => ({ ...good, spec: { ...good.spec, width: 0 } }),
      "at least 1|between 1 .* for options.spec.width but received 0",
    ],
    [
      "a missing field",
      (good) => ({ ...good, spec: { ...good.spec, tiedHead: undefined } }),
      "options.spec.tiedHead but received undefined",
    ],
    ["heads", (good) => ({ ...good, spec: { ...good.spec, queryHeads: 3 } }), "options.spec.queryHeads"],
    [
      "a rope",
      (good) => ({ ...good, spec: { ...good.spec, layers: [{ slidingWindow: 0, rope: 9 }] } }),
      "options.spec.layers\\[0\\].rope but received 9",
    ],
    [
      "a file",
      (good) => ({ ...good, weights: good.weights.map((weight) => ({ ...weight, file: 7 })) }),
      "options.weights\\[0\\].file but received 7",
    ],
    [
      "a shape",
      (good) => ({ ...good, weights: good.weights.map((weight) => ({ ...weight, shape: [2, 2, 2] })) }),
      "options.weights\\[0\\].shape",
    ],
    ["threads", (good) => ({ ...good, threads: Number.NaN }), "options.threads but received NaN"],
  ])("refuses %s with a TypeError that names it", async (_, change, message) => {
    const loading = loadAddon().loadModel(wrong(change(await loadOptions())));
    await expect(loading).rejects.toThrow(TypeError);
    await expect(loading).rejects.toThrow(new RegExp(message));
    await expect(loading).rejects.toThrow(/\.$/);
    await expect(loading).rejects.toMatchObject({ code: "argument" });
  });

  it.each<[string, string, (good: LoadOptions) => LoadOptions]>([
    ["a missing file", "file", (good) => ({ ...good, files: [join(modelFolder, "nothing.safetensors")] })],
    [
      "an offset past the file's end",
      "weights",
      (good) => ({ ...good, weights: good.weights.map((weight) => ({ ...weight, offset: 2 ** 50 })) }),
    ],
    ["a missing tensor", "weights", (good) => ({ ...good, weights: good.weights.slice(1) })],
    ["another shape", "weights", (good) => ({ ...good, spec: { ...good.spec, innerWidth: 40 } })],
    ["an unknown backend", "backend", (good) => ({ ...good, backend: wrong("abacus") })],
  ])("refuses %s with code %s", async (_, code, change) => {
    await expect(loadAddon().loadModel(change(await loadOptions()))).rejects.toMatchObject({ code });
  });
});
