// How long the event loop waits while the engine works: node build/bench/event-loop.js --model M [--updates N]. Prints the delay beyond the timer's own
// period in milliseconds, for training and for generating. A manual check: the goal is under 20 ms, and a busy machine adds its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { openEngine } from "#sdft/engine/engine.js";
import { greedySampling } from "#sdft/engine/sampling.js";
import { openModel } from "#sdft/models/resolve.js";
import { parseTrainingConfig } from "#sdft/train/config.js";
import { initializeAdapter } from "#sdft/train/lora-init.js";
import { train } from "#sdft/train/train.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m-instruct" },
    updates: { type: "string", default: "2" },
  },
});
/** Milliseconds between two looks at the loop. */
const period = 5;

const model = await openModel(values.model);
using engine = await openEngine(model, { device: "cpu" });
const tokens = (row: number, length: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => 3 + ((row * 7919 + i * 104729) % (model.spec.vocabSize - 3)));

const folder = await mkdtemp(join(tmpdir(), "sdft-bench-"));
try {
  const settings = { rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;
  const adapter = engine.createAdapter(settings);
  initializeAdapter(adapter.native, 0);
  const sequences = Array.from({ length: 8 }, (_, row) => {
    const ids = tokens(row, 230);
    return { id: String(row), tokens: ids, labels: ids.map((id, i) => (i < 190 ? -100 : id)) };
  });
  const config = parseTrainingConfig({ max_steps: Number(values.updates) }, "bench/event-loop.ts");
  const job = { adapter, sequences, config, seed: 0, folder, fingerprint: "bench", resume: null };
  await watch("training", () => train(engine, job));
  const prompts = Array.from({ length: 16 }, (_, row) => ({ id: String(row), tokens: tokens(row, 200) }));
  await watch("generating", () =>
    engine.generate(prompts, { ...greedySampling, maxNewTokens: 32, endTokens: "ignore" }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function watch(name: string, work: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: period });
  delay.enable();
  await work();
  delay.disable();
  const milliseconds = (nanoseconds: number): number => Math.max(0, Math.round(nanoseconds / 1e5 - 10 * period) / 10);
  const figures = { median: delay.percentile(50), p99: delay.percentile(99), most: delay.max };
  const shown = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, milliseconds(value)]));
  process.stdout.write(`${JSON.stringify({ work: name, unit: "ms", ...shown })}\n`);
}
