// A process of its own for memory-plan.test.ts: plans one piece of work, does it, and prints both peaks as JSON. The compiled package is what runs.
// node peak-memory.mjs MODEL train|generate|score WEIGHTS MICRO_BATCH_TOKENS store|recompute [f32|int]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [path, work, weights, micro, activations, compute = "f32"] = process.argv.slice(2);
const from = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { prepareSession, startSession } = await from("experiment/session.js");
const { silentReporter } = await from("base/reporter.js");

const options = { model: path, device: "cpu", weights, compute, threads: 1, reporter: silentReporter };
const prepared = await prepareSession(options);
const { vocabSize, maxPositions } = prepared.planned.spec;
const tokens = (row, length) =>
  Int32Array.from({ length }, (_, i) => 3 + ((row * 7919 + i * 104729) % (vocabSize - 3)));
const plan = await { train, generate, score }[work]();
process.stdout.write(JSON.stringify({ plan, measured: process.resourceUsage().maxRSS * 1024 }));

async function train() {
  const { fitTraining, planTrainingMemory } = await from("train/training-memory.js");
  const { parseTrainingConfig } = await from("train/config.js");
  const { train: run } = await from("train/train.js");
  const settings = { rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" };
  const sequences = [150, 210, 90, 240, 120, 200].map((length, row) => {
    const ids = tokens(row, Math.min(length, maxPositions));
    return { id: `row ${row}`, tokens: ids, labels: ids.map((id, i) => (i < length - 40 ? -100 : id)) };
  });
  const wish = parseTrainingConfig({ max_steps: 1, micro_batch_tokens: Number(micro), activations }, "a test");
  const need = { sequences, settings, seed: 0 };
  const config = fitTraining(wish, prepared.planned, need, prepared.limit);
  const planned = planTrainingMemory(config, prepared.planned, need);
  const session = await startSession(prepared, [planned]);
  const folder = await mkdtemp(join(tmpdir(), "sdft-peak-"));
  const adapter = session.engine.createAdapter(settings);
  await run(session.engine, { adapter, sequences, config, seed: 0, folder, fingerprint: "test", resume: null });
  await rm(folder, { recursive: true });
  return planned;
}

async function generate() {
  const { planGeneration } = await from("engine/memory-plan.js");
  const { generationWork } = await from("engine/generation-batch.js");
  const { greedySampling } = await from("engine/sampling.js");
  const prompts = Array.from({ length: 24 }, (_, row) => ({ id: `row ${row}`, tokens: tokens(row, 40 + 2 * row) }));
  const lengths = prompts.map((prompt) => prompt.tokens.length);
  const sampling = { ...greedySampling, maxNewTokens: 8, endTokens: "ignore" };
  const planned = planGeneration(prepared.planned, generationWork(prepared.planned.spec, lengths, 8, null));
  const session = await startSession(prepared, [planned]);
  await session.engine.generate(prompts, sampling);
  return planned;
}

async function score() {
  const { planScoring } = await from("engine/memory-plan.js");
  const { scoringWork } = await from("engine/generation-batch.js");
  const lengths = Array.from({ length: 24 }, (_, row) => Math.min(60 + 10 * row, maxPositions));
  const rows = lengths.map((length, row) => ({ id: `row ${row}`, tokens: tokens(row, length), from: 1 }));
  const planned = planScoring(prepared.planned, scoringWork(lengths, null));
  const session = await startSession(prepared, [planned]);
  await session.engine.score(rows);
  return planned;
}
