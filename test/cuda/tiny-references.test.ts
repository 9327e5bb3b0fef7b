// The cuda backend, emulated, against what transformers and peft computed of tiny models: logits, loss, the gradients of an adapter on all seven layers.
// In float32 throughout it holds the tolerances of the other backends. With bf16 operands every factor of a product is off by up to 2⁻⁸ of itself, 0.0023 of
// the product at random for both; a stack of a few layers adds up some ten such steps, a gradient twice as many.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { NativeModel, WeightFormat } from "../../src/native/types.js";
import { largestDifference, relativeDistance } from "../parity/compare.js";
import { allTargets, fillAdapter, load, peftName, tensorOf } from "../parity/loaded-model.js";
import { meanLossBatch, readReference } from "../parity/reference-batch.js";
import { type TinyCase, tinyCases } from "../parity/tiny-cases.js";

const build = resolve(import.meta.dirname, "..", "..", process.env.SDFT_CUDA_TESTS ?? "build");
const emulated = join(build, "libsdft_cuda_emulated.so");
Object.assign(process.env, { SDFT_CUDA_LIB: emulated, SDFT_CUBLASLT: "off" });

interface Way {
  readonly name: string;
  readonly exact: boolean;
  readonly weights: WeightFormat;
  /** Distances from the expected numbers, of their own size. */
  readonly logits: number;
  readonly gradients: number;
}

const ways: readonly Way[] = [
  { name: "in float32", exact: true, weights: "native", logits: 1e-4, gradients: 1e-4 },
  { name: "in bf16", exact: false, weights: "bf16", logits: 0.02, gradients: 0.04 },
];

const references = tinyCases.filter(({ name }) => name.startsWith("reference/"));
/** Stands, skipped, in the place of models that are not there: a suite without a test is a failure. */
const missing: TinyCase = { name: "needs ../shared/reference/tiny", model: "", expected: "" };

/** The environment decides when the backend is made. */
function loadIn({ exact, weights }: Way, path: string): Promise<NativeModel> {
  if (exact) process.env.SDFT_CUDA_EXACT = "1";
  else delete process.env.SDFT_CUDA_EXACT;
  return load(path, "cuda", 1, weights);
}

describe.skipIf(!existsSync(emulated) || references.length === 0).each(ways)("tiny models on cuda, $name", (way) => {
  it.each(references.length > 0 ? references : [missing])("$name", async ({ model: path, expected }) => {
    const { values, sequences } = await readReference(expected, "seq");
    using model = await loadIn(way, path);
    expect(sequences.length).toBeGreaterThan(0);
    for (const { id, tokens } of sequences) {
      const logits = await model.logits(tokens, null);
      const wanted = tensorOf(values, `seq.${id}.logits`);
      expect(relativeDistance(logits, wanted), `sequence ${id}`).toBeLessThan(way.logits);
      if (way.exact) expect(largestDifference(logits, wanted), `sequence ${id}`).toBeLessThan(1e-4);
    }
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: allTargets });
    fillAdapter(adapter, values, "lora.");
    using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
    const { loss } = await trainer.accumulate(meanLossBatch(sequences));
    expect(relativeDistance([loss], tensorOf(values, "loss"))).toBeLessThan(way.logits);
    for (const { name: tensor } of adapter.tensors()) {
      const gradient = tensorOf(values, peftName(tensor, "grad."));
      expect(relativeDistance(trainer.gradient(tensor), gradient), tensor).toBeLessThan(way.gradients);
    }
  });
});
