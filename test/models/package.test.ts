// Opening models of every kind there is a file for: spec, tensors and tokenizer together.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModel } from "../../src/models/resolve.js";
import { fixturesFolder, sharedPath } from "../shared-folder.js";
import { defaultModel } from "./real-models.js";

describe("openModel", () => {
  it.each(readdirSync(join(fixturesFolder, "tiny")))("opens the tiny model %s", async (name) => {
    const model = await openModel(join(fixturesFolder, "tiny", name));
    expect(model.spec.layers.length).toBeGreaterThan(0);
    expect(model.weights.length).toBeGreaterThan(model.spec.layers.length * 7);
    expect(model.tokenizer).toBeNull();
    expect(model.generationDefaults.eosIds).toEqual([2]);
    expect(model.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it("marks the permuted rows of a llama GGUF and no others", async () => {
    const model = await openModel(join(fixturesFolder, "gguf", "llama", "model.gguf"));
    const interleaved = model.weights.filter((weight) => weight.rowOrder === "interleaved").map(({ name }) => name);
    expect(interleaved.length).toBe(2 * model.spec.layers.length);
    for (const name of interleaved) expect(name).toMatch(/self_attn\.[qk]_proj\.weight$/);
  });

  it("gives a GGUF the spec of the folder it was made from", async () => {
    const gguf = await openModel(join(fixturesFolder, "gguf", "llama", "model.gguf"));
    const folder = await openModel(join(fixturesFolder, "gguf", "llama"));
    expect({ ...gguf.spec, normEpsilon: 0 }).toEqual({ ...folder.spec, normEpsilon: 0 });
    expect(gguf.spec.normEpsilon).toBeCloseTo(folder.spec.normEpsilon, 12);
  });

  const tiny = sharedPath("reference", "tiny");
  describe.skipIf(tiny === null)("on the reference's tiny models", () => {
    it.each(tiny === null ? [] : readdirSync(tiny))("opens %s", async (name) => {
      const model = await openModel(join(tiny ?? "", name));
      expect(model.spec.width).toBe(64);
      expect(model.spec.layers.length).toBe(3);
    });
  });

  const real = defaultModel();
  it.skipIf(real === null)("opens SmolLM2 with its tokenizer", async () => {
    const model = await openModel(real ?? "");
    expect(model.name).toBe("SmolLM2-135M-Instruct.Q4_1");
    expect(model.spec).toMatchObject({
      architecture: "llama",
      vocabSize: 49152,
      width: 576,
      queryHeads: 9,
      kvHeads: 3,
      headSize: 64,
      innerWidth: 1536,
      maxPositions: 8192,
      tiedHead: true,
    });
    expect(model.spec.normEpsilon).toBeCloseTo(1e-5, 10);
    expect(model.weights.length).toBe(272);
    expect(model.generationDefaults.eosIds).toEqual([2, 0]);
    expect(model.tokenizer?.addsBos).toBe(false);
    expect(model.tokenizer?.bosId).toBe(1);
  });
});
