// --compute int: the same bits whatever the threads, the batch and the steps, near the f32 answers, and refused where weights are no integers.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openModel } from "../../src/models/resolve.js";
import { loadAddon } from "../../src/native/addon.js";
import type { NativeModel, WeightFormat } from "../../src/native/types.js";
import { defaultModel } from "../models/real-models.js";
import { fixturesFolder } from "../shared-folder.js";
import { expectSameBits } from "./compare.js";
import { mainBackend, randomTokens, sampling } from "./loaded-model.js";

const real = defaultModel();

async function load(path: string, weightFormat: WeightFormat, threads: number): Promise<NativeModel> {
  const { spec, files, weights } = await openModel(path);
  return loadAddon().loadModel({ spec, files, weights, backend: mainBackend, threads, weightFormat });
}

const prompts = [3, 40, 2, 70].map((length, i) => ({
  id: `row ${i}`,
  tokens: randomTokens(length, i, 49152),
  sample: 0,
  maxNewTokens: 8,
  minNewTokens: 0,
}));
const rows = prompts.slice(1).map(({ tokens }) => ({ tokens, from: 1 }));
const settings = { adapter: null, compute: "int", rowsPerStep: 256 } as const;

describe.skipIf(real === null || mainBackend === "reference")("integer products of SmolLM2 (Q4_1)", () => {
  const path = real ?? "";

  it.each(["native", "q8", "q4"] as const)(
    "answer alike on 1 and 2 threads, alone and in a batch (%s)",
    async (format) => {
      using one = await load(path, format, 1);
      using two = await load(path, format, 2);
      const options = { ...sampling, compute: "int", temperature: 1 } as const;
      const together = await two.generate(prompts, { ...options, maxSequences: 8 }, null);
      expect(await one.generate(prompts, { ...options, maxSequences: 2, rowsPerStep: 7 }, null)).toEqual(together);
      for (const [i, prompt] of prompts.entries())
        expect(await one.generate([prompt], { ...options, maxSequences: 1 }, null)).toEqual([together[i]]);
    },
  );

  it("score alike on 1 and 2 threads, alone and packed, and near f32", async () => {
    using one = await load(path, "native", 1);
    using two = await load(path, "native", 2);
    const packed = await two.score(rows, settings, null);
    for (const [i, row] of rows.entries()) {
      const [alone] = await one.score([row], settings, null);
      expectSameBits(alone ?? new Float32Array(), packed[i] ?? new Float32Array(1), `row ${i}`);
    }
    const exact = await two.score(rows, { ...settings, compute: "f32" }, null);
    const changes = packed.flatMap((values, i) =>
      [...values].map((value, j) => Math.abs(value - (exact[i]?.[j] ?? 0))),
    );
    const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length;
    expect(mean).toBeGreaterThan(0);
    // Random tokens; docs/performance.md has the change on real ones.
    expect(mean).toBeLessThan(0.3);
  });
});

it("refuses integer products of weights that are no integers before any work", async () => {
  using model = await load(join(fixturesFolder, "tiny", "qwen2-untied"), "native", 1);
  const message = /--compute int.*model\.layers\.0\.self_attn\.q_proj\.weight is not: add --weights q8/;
  const tokens = Int32Array.of(5, 6, 7);
  await expect(model.score([{ tokens, from: 1 }], settings, null)).rejects.toThrow(message);
  const prompt = { id: "a", tokens, sample: 0, maxNewTokens: 2, minNewTokens: 0 };
  await expect(model.generate([prompt], { ...sampling, compute: "int" }, null)).rejects.toThrow(message);
});
