// The second real model: Qwen2.5-Coder-0.5B-Instruct (K-quants, biases, an untied head) against transformers on the dequantised weights.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codeModel } from "../models/real-models.js";
import { sharedPath } from "../shared-folder.js";
import { largestDifference } from "./compare.js";
import { load, mainBackend } from "./loaded-model.js";

const path = codeModel();
const file = sharedPath("reference", "qwen2.5-coder-0.5b.json");
const timeout = mainBackend === "reference" ? 7_200_000 : 1_200_000;

describe.skipIf(path === null || file === null)(`Qwen2.5-Coder on ${mainBackend}`, () => {
  it("log-probabilities", { timeout }, async () => {
    const { prompts } = JSON.parse(readFileSync(file ?? "", "utf8")) as {
      prompts: { ids: number[]; logprobs: number[] }[];
    };
    using model = await load(path ?? "", mainBackend);
    const rows = prompts.map(({ ids }) => ({ tokens: Int32Array.from(ids), from: 1 }));
    const scores = await model.score(rows, { adapter: null, compute: "f32", rowsPerStep: 512 }, null);
    for (const [i, { logprobs }] of prompts.entries()) {
      expect(largestDifference(scores[i] ?? [], logprobs), `prompt ${i}`).toBeLessThan(2e-3);
    }
  });
});
