import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { generationWork } from "../../src/engine/generation-batch.js";
import { expectFits, type MemoryLimit, memoryLimit } from "../../src/engine/memory-limit.js";
import {
  fitGeneration,
  type MemoryPlan,
  type PlannedModel,
  planGeneration,
  planTraining,
} from "../../src/engine/memory-plan.js";
import { greedySampling } from "../../src/engine/sampling.js";
import { prepareSession, startSession } from "../../src/experiment/session.js";
import { openModel } from "../../src/models/resolve.js";
import { defaultModel } from "../models/real-models.js";
import { fixturesFolder } from "../shared-folder.js";
import { tinyChat } from "../tiny-chat.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const real = defaultModel();
const adapter = { rank: 8, targets: ["q_proj", "v_proj"] } as const;

async function planned(): Promise<PlannedModel> {
  const { spec, weights } = await openModel(tinyChat);
  return { spec, weights, backend: "cpu", weightFormat: "native", threads: 2, processBytes: 100 };
}

const part = (plan: MemoryPlan, name: string): number => plan.parts.find((one) => one.name === name)?.bytes ?? 0;

describe("a plan", () => {
  const work = {
    adapter,
    dropout: 0,
    storedRows: 400,
    rows: 400,
    labelledRows: 100,
    longest: 200,
    examples: 2,
    prefixRows: 0,
  };

  it("is the sum of its parts, and the process counts", async () => {
    const plan = planTraining(await planned(), work);
    expect(plan.peak).toBe(plan.parts.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(part(plan, "Node and tokenizer")).toBe(100);
    expect(plan.parts.every(({ bytes }) => bytes > 0)).toBe(true);
  });

  it("grows with the rows, and hardly past those whose activations are stored", async () => {
    const model = await planned();
    const activations = (rows: number, storedRows: number): number =>
      part(planTraining(model, { ...work, rows, storedRows, labelledRows: 100 }), "activations");
    expect(activations(800, 800)).toBeGreaterThan(1.8 * activations(400, 400));
    expect(activations(500, 400)).toBeLessThanOrEqual(activations(400, 400) * 1.3);
    expect(activations(400, 0)).toBeLessThan(activations(400, 400));
  });

  it("of generating has the pages of the longest rows that run together", async () => {
    const model = await planned();
    const { spec } = model;
    const page = 2 * 4 * 32 * spec.kvHeads * spec.headSize * spec.layers.length;
    const cache = (sequences: number, lengths: number[], cacheBytes = 2 ** 30): number =>
      part(
        planGeneration(model, { adapter: null, sequences, lengths, rowsPerStep: 256, cacheBytes }),
        "keys and values",
      );
    expect(cache(2, [10, 64, 33])).toBe(4 * page);
    expect(cache(64, [10, 64, 33])).toBe(5 * page);
    expect(cache(64, [10, 64, 33], 3.5 * page)).toBe(3 * page);
    expect(cache(64, [10, 64, 33], 0)).toBe(2 * page);
  });

  it("of generating has logits for the tokens that are drafted", async () => {
    const model = await planned();
    const scratch = (sequences: number): number => {
      const work = { adapter: null, sequences, lengths: Array(100).fill(9), rowsPerStep: 256, cacheBytes: 0 };
      return part(planGeneration(model, work), "generation scratch");
    };
    expect(scratch(2) - scratch(1)).toBe(13 * 4 * model.spec.vocabSize);
    expect(scratch(64)).toBe(scratch(5));
    expect(scratch(70) - scratch(64)).toBe(6 * 4 * model.spec.vocabSize);
  });

  it("of generating with integer products has halves in its pages, where the cpu computes", async () => {
    const model = await planned();
    const work = { adapter: null, sequences: 2, lengths: [64, 64], rowsPerStep: 256, cacheBytes: 2 ** 30 };
    const cache = (changes: Partial<PlannedModel>): number =>
      part(planGeneration({ ...model, ...changes }, work), "keys and values");
    expect(cache({ compute: "int" })).toBe(cache({}) / 2);
    expect(cache({ compute: "int", backend: "reference" })).toBe(cache({}));
  });
});

describe("generating within a limit", () => {
  const work = { adapter: null, sequences: 64, lengths: Array(100).fill(96), rowsPerStep: 256, cacheBytes: 2 ** 30 };

  it("runs as many sequences at once as fit, and at least one", async () => {
    const model = await planned();
    const peak = (sequences: number): number => planGeneration(model, { ...work, sequences }).peak;
    expect(fitGeneration(model, work, peak(64)).sequences).toBe(64);
    expect(fitGeneration(model, work, peak(64) - 1).sequences).toBe(63);
    expect(fitGeneration(model, work, peak(5))).toMatchObject({ sequences: 5, peak: peak(5) });
    expect(fitGeneration(model, work, 0)).toMatchObject({ sequences: 1, peak: peak(1) });
  });

  it("says so, keeps to it, and answers the same", async () => {
    const notes: string[] = [];
    const reporter = { ...silentReporter, note: (sentence: string) => notes.push(sentence) };
    const options = { model: tinyChat, device: "cpu", weights: "native", compute: "f32", threads: 1 } as const;
    const prepared = await prepareSession({ ...options, reporter });
    const prompts = Array.from({ length: 6 }, (_, row) => ({ id: `row ${row}`, tokens: [5 + row, 9, 7] }));
    const sampling = { ...greedySampling, maxNewTokens: 12, endTokens: "ignore" } as const;
    const generating = generationWork(prepared.planned.spec, [3, 3, 3, 3, 3, 3], 12, null);
    const answer = async (bytes: number) => {
      const limit: MemoryLimit = { bytes, source: "budget" };
      const plan = fitGeneration(prepared.planned, generating, bytes);
      using session = await startSession({ ...prepared, limit }, [plan]);
      const order: number[] = [];
      const onTokens = (index: number) => order.at(-1) !== index && order.push(index);
      const answers = await session.engine.generate(prompts, sampling, { onTokens });
      return { answers, turns: order.length };
    };
    const free = await answer(2 ** 40);
    expect(notes).toEqual([]);
    const tight = await answer(planGeneration(prepared.planned, { ...generating, sequences: 1 }).peak);
    expect(notes).toEqual([
      expect.stringMatching(/^Generating one sequence at once instead of 64, to fit in .*, the memory budget\.$/),
    ]);
    expect(tight.answers).toEqual(free.answers);
    // One after the other, each is whole before the next begins.
    expect(free.turns).toBeGreaterThan(6);
    expect(tight.turns).toBe(6);
  });
});

describe("expectFits", () => {
  const plan: MemoryPlan = {
    purpose: "training",
    parts: [
      { name: "weights", bytes: 700 * 2 ** 20, remedy: "use a smaller model" },
      { name: "activations", bytes: 900 * 2 ** 20, remedy: "lower --micro-batch-tokens" },
      { name: "tokenizer", bytes: 2 ** 20, remedy: null },
    ],
    peak: 1601 * 2 ** 20,
  };

  it("names what is needed, what may be used, the largest parts and what to lower", () => {
    const limit: MemoryLimit = { bytes: 2 ** 30, source: "budget" };
    expect(() => expectFits([plan], limit)).toThrow(
      "Expected training to fit in 1.0 GiB, the memory budget, but it needs 1.6 GiB: activations 900 MiB, weights 700 MiB, tokenizer 1.0 MiB; lower --micro-batch-tokens; use a smaller model.",
    );
    expect(() => expectFits([plan], { bytes: plan.peak, source: "machine" })).not.toThrow();
  });

  it("goes by the budget, else by the system", () => {
    expect(memoryLimit(5)).toEqual({ bytes: 5, source: "budget" });
    expect(memoryLimit(null).bytes).toBeGreaterThan(2 ** 27);
  });
});

interface Case {
  readonly name: string;
  readonly model: string;
  /** Arguments of peak-memory.mjs after the model. */
  readonly work: readonly string[];
}

const tiny = join(fixturesFolder, "tiny", "qwen2-untied");
const cases: Case[] = [
  { name: "the tiny model, training", model: tiny, work: ["train", "native", "640", "store"] },
  { name: "the tiny model, generating", model: tiny, work: ["generate", "native", "0", "store"] },
  { name: "the tiny model, scoring", model: tiny, work: ["score", "native", "0", "store"] },
  ...(real === null
    ? []
    : [
        { name: "SmolLM2, training", model: real, work: ["train", "native", "640", "store"] },
        { name: "SmolLM2 in f32, training", model: real, work: ["train", "f32", "200", "recompute"] },
        { name: "SmolLM2, generating", model: real, work: ["generate", "native", "0", "store"] },
        { name: "SmolLM2 in integers, generating", model: real, work: ["generate", "native", "0", "store", "int"] },
        { name: "SmolLM2, scoring", model: real, work: ["score", "native", "0", "store"] },
      ]),
];

describe("the peak of a process", () => {
  beforeAll(async () => {
    const require = createRequire(import.meta.url);
    const compiler = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
    await run(process.execPath, [compiler, "-p", "tsconfig.build.json"], { cwd: root });
  }, 60_000);

  it.each(cases)(
    "is what was planned for $name, within a tenth",
    async ({ model, work }) => {
      const script = join(import.meta.dirname, "peak-memory.mjs");
      const { stdout } = await run(process.execPath, [script, model, ...work]);
      const { plan, measured } = JSON.parse(stdout) as { plan: MemoryPlan; measured: number };
      const shown = plan.parts.map(({ name, bytes }) => `${name} ${(bytes / 2 ** 20).toFixed(1)}`).join(", ");
      const ratio = plan.peak / measured;
      expect(Math.abs(ratio - 1), `planned ${plan.peak}, measured ${measured}: ${shown}`).toBeLessThan(0.1);
    },
    180_000,
  );
});
