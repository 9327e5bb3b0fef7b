// The piece of a card's memory that a plan reserves holds all that the work takes: nothing is asked of the driver beside it. Through the emulated library, on
// a made-up model whose heads go the way of the tensor cores, with sequences long enough for attention to be split.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { makeUpModel, modelShapes } from "../../src/bench/made-up-model.js";
import { plannedSizes } from "../../src/engine/device-scratch.js";
import { type Engine, openEngine } from "../../src/engine/engine.js";
import { generationWork, scoringWork } from "../../src/engine/generation-batch.js";
import {
  type MemoryPlan,
  type PlannedModel,
  planGeneration,
  planScoring,
  reservedBytes,
} from "../../src/engine/memory-plan.js";
import { greedySampling } from "../../src/engine/sampling.js";
import { loadAddon } from "../../src/native/addon.js";
import type { ModelSpec } from "../../src/native/types.js";
import type { TrainSequence } from "../../src/train/batches.js";
import { parseTrainingConfig } from "../../src/train/config.js";
import { initializeAdapter } from "../../src/train/lora-init.js";
import { train } from "../../src/train/train.js";
import { fitTraining, planTrainingMemory } from "../../src/train/training-memory.js";
import { temporaryFolder } from "../temporary-folder.js";

const build = resolve(import.meta.dirname, "..", "..", process.env.SDFT_CUDA_TESTS ?? "build");
const emulated = join(build, "libsdft_cuda_emulated.so");
// Without cuBLASLt, whose workspace nothing takes then: what is left of the plan fits closely.
Object.assign(process.env, { SDFT_CUDA_LIB: emulated, SDFT_CUBLASLT: "off" });

const folder = temporaryFolder();
const { spec: known } = modelShapes["135M"];
const spec: ModelSpec = {
  ...known,
  ...{
    vocabSize: 96,
    width: 64,
    innerWidth: 96,
    queryHeads: 2,
    kvHeads: 1,
    headSize: 64,
    attentionScale: 1 / 8,
    maxPositions: 512,
  },
  layers: known.layers.slice(0, 2),
};
const settings = { rank: 4, alpha: 8, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;

/** Bytes of the card that are taken, before the work (the reserved piece) and after it. */
async function taken(
  plan: (model: PlannedModel) => MemoryPlan,
  work: (engine: Engine) => Promise<unknown>,
  share = 1,
): Promise<{ before: number; after: number }> {
  const used = (): number => {
    const { memory } = loadAddon().info().cuda;
    return memory === null ? Number.NaN : memory.totalBytes - memory.freeBytes;
  };
  await using model = await makeUpModel({ of: "a small model", spec });
  const planned = reservedBytes([
    plan({ spec, weights: model.weights, backend: "cuda", weightFormat: "native", threads: 1, processBytes: 0 }),
  ]);
  const deviceBytes = Math.ceil(share * (planned - plannedSizes.workspaceBytes));
  using engine = await openEngine(model, { device: "cuda", deviceBytes });
  const before = used();
  await work(engine);
  return { before, after: used() };
}

const tokens = (count: number, first: number): number[] =>
  Array.from({ length: count }, (_, i) => 3 + ((first + i) % 90));

describe.skipIf(!existsSync(emulated))("what is reserved of a card is enough", () => {
  it("to train, with a prefix in common and examples longer than a micro-batch", async () => {
    const sequences: TrainSequence[] = [40, 30, 280, 25].map((length, i) => {
      const own = Int32Array.from([...tokens(20, 0), ...tokens(length, 7 * i + 1)]);
      return { id: `row ${i}`, tokens: own, labels: own.map((token, at) => (at < 24 ? -100 : token)) };
    });
    const need = { sequences, settings, seed: 0 };
    const wish = { max_steps: 2, shuffle: false, per_device_train_batch_size: 4, micro_batch_tokens: 96 };
    const config = parseTrainingConfig(wish, "a test");
    const { before, after } = await taken(
      (model) =>
        planTrainingMemory(fitTraining(config, model, need, { bytes: 1e12, source: "device", held: 0 }), model, need),
      async (engine) => {
        const adapter = engine.createAdapter(settings);
        initializeAdapter(adapter.native, 0);
        await train(engine, { adapter, sequences, config, seed: 0, folder, fingerprint: "test", resume: null });
      },
    );
    expect(after).toBe(before);
  });

  it("to generate, with a prompt whose attention is split", async () => {
    const prompts = [300, 5, 40].map((length, i) => ({ id: `row ${i}`, tokens: Int32Array.from(tokens(length, i)) }));
    const lengths = prompts.map((prompt) => prompt.tokens.length);
    const sampling = { ...greedySampling, maxNewTokens: 4, minNewTokens: 4 };
    const { before, after } = await taken(
      (model) => planGeneration(model, generationWork(spec, lengths, 4, null)),
      (engine) => engine.generate(prompts, sampling),
    );
    expect(after).toBe(before);
  });

  it("to score a long row", async () => {
    const rows = [300, 9].map((length, i) => ({ id: `row ${i}`, tokens: Int32Array.from(tokens(length, i)), from: 1 }));
    const { before, after } = await taken(
      (model) => planScoring(model, scoringWork([300, 9], null)),
      (engine) => engine.score(rows),
    );
    expect(after).toBe(before);
    const little = await taken(
      (model) => planScoring(model, scoringWork([300, 9], null)),
      (engine) => engine.score(rows),
      0.02,
    );
    expect(little.after).toBeGreaterThan(little.before);
  });
});
