// Our side of a training case: node build/bench/train.js --model M --rows ROWS.json. Prints tokens a second and the peak memory.
// --profile adds a table of the kernels to stderr. The settings of the paper; one pass over the rows in their order, through the same training loop that `sdft train` runs.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AdapterHandle, type Engine, openEngine } from "#sdft/engine/engine.js";
import { openModel } from "#sdft/models/resolve.js";
import type { TrainSequence } from "#sdft/train/batches.js";
import { parseTrainingConfig, type TrainingConfig } from "#sdft/train/config.js";
import { initializeAdapter } from "#sdft/train/lora-init.js";
import { train } from "#sdft/train/train.js";
import { printMeasurement } from "./measurement.js";
import { printProfile, readWeightFormat, systemName } from "./our-system.js";
import { readRows } from "./workload.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m-instruct" },
    rows: { type: "string", default: "" },
    limit: { type: "string" },
    weights: { type: "string", default: "native" },
    threads: { type: "string", default: "0" },
    micro: { type: "string", default: "8" },
    accumulation: { type: "string", default: "1" },
    profile: { type: "boolean", default: false },
  },
});
const config = parseTrainingConfig(
  {
    num_train_epochs: 1,
    per_device_train_batch_size: Number(values.micro),
    gradient_accumulation_steps: Number(values.accumulation),
    lora_dropout: 0,
    shuffle: false,
  },
  "bench/train.ts",
);
const rows = (await readRows(values.rows)).slice(0, values.limit === undefined ? undefined : Number(values.limit));
const sequences = rows.map(({ tokens, labels }, index) => ({
  id: String(index),
  tokens: Int32Array.from(tokens),
  labels: Int32Array.from(labels ?? tokens),
}));

const weights = readWeightFormat(values.weights);
const model = await openModel(values.model);
using engine = await openEngine(model, {
  device: "cpu",
  weights,
  threads: Number(values.threads),
  profile: values.profile,
});
const folder = await mkdtemp(join(tmpdir(), "sdft-bench-"));
try {
  await runOnce(engine, sequences, { ...config, max_steps: 1 });
  const before = engine.profile;
  const { seconds, losses } = await runOnce(engine, sequences, config);
  if (values.profile) await printProfile(before, engine);
  const system = systemName({ weights });
  const tokens = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
  printMeasurement({
    ...{ system, metric: "training", unit: "tokens/s", value: tokens / seconds },
    details: { tokens, seconds, losses, micro: config.per_device_train_batch_size },
  });
  const mebibytes = process.resourceUsage().maxRSS / 1024;
  printMeasurement({ system, metric: "peak memory", unit: "MiB", value: mebibytes, details: { ...engine.memory } });
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** From a fresh adapter; the seconds are those of the updates, as the peers count them. */
async function runOnce(
  on: Engine,
  work: readonly TrainSequence[],
  settings: TrainingConfig,
): Promise<{ seconds: number; losses: number[] }> {
  const adapter: AdapterHandle = on.createAdapter({
    ...{ rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" },
  });
  initializeAdapter(adapter.native, 0);
  const losses: number[] = [];
  const job = { adapter, sequences: work, config: settings, seed: 0, folder, fingerprint: "bench", resume: null };
  const outcome = await train(on, { ...job, onStep: (row) => void losses.push(row.loss) });
  adapter.dispose();
  return { seconds: outcome.time, losses };
}
