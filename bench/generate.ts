// Our side of the generation cases: node build/bench/generate.js --model M --rows ROWS.json --new 64. Greedy, end tokens ignored.
// Prints new tokens a second, prompts included; with --context N the decoding speed of one sequence whose prompt is the first N tokens. --profile adds a table of the kernels to stderr.
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { type Engine, openEngine } from "#sdft/engine/engine.js";
import type { Prompt } from "#sdft/engine/generate.js";
import { greedySampling, type Sampling } from "#sdft/engine/sampling.js";
import { openModel } from "#sdft/models/resolve.js";
import { printMeasurement } from "./measurement.js";
import { printProfile, readWeightFormat, systemName } from "./our-system.js";
import { readRows } from "./workload.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m-instruct" },
    rows: { type: "string", default: "" },
    limit: { type: "string" },
    new: { type: "string", default: "64" },
    context: { type: "string" },
    weights: { type: "string", default: "native" },
    threads: { type: "string", default: "0" },
    profile: { type: "boolean", default: false },
  },
});
const rows = (await readRows(values.rows)).slice(0, values.limit === undefined ? undefined : Number(values.limit));
const weights = readWeightFormat(values.weights);
const system = systemName({ weights });
const model = await openModel(values.model);
using engine = await openEngine(model, {
  device: "cpu",
  weights,
  threads: Number(values.threads),
  profile: values.profile,
});

const first = rows[0]?.tokens ?? [];
await engine.generate([{ id: "warm-up", tokens: first }], forced(4));
const before = engine.profile;
if (values.context === undefined) await measureAll(engine);
else await measureOne(engine, Number(values.context));
if (values.profile) await printProfile(before, engine);

async function measureAll(on: Engine): Promise<void> {
  const prompts: Prompt[] = rows.map(({ tokens }, index) => ({ id: String(index), tokens }));
  const started = performance.now();
  const completions = await on.generate(prompts, forced(Number(values.new)));
  const seconds = (performance.now() - started) / 1000;
  const made = completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const details = {
    prompts: prompts.length,
    new: made,
    seconds,
    first: [...(completions[0]?.tokens ?? [])].slice(0, 16),
  };
  printMeasurement({ system, metric: "generating", unit: "new tokens/s", value: made / seconds, details });
  const mebibytes = process.resourceUsage().maxRSS / 1024;
  printMeasurement({ system, metric: "peak memory", unit: "MiB", value: mebibytes, details: { ...on.memory } });
}

/** Times from the first new token on, which the prompt's own step gives, to the last. */
async function measureOne(on: Engine, context: number): Promise<void> {
  const tokens = rows.flatMap((row) => row.tokens).slice(0, context);
  const made = Number(values.new) + 1;
  let started = Number.NaN;
  const onTokens = (): void => {
    if (Number.isNaN(started)) started = performance.now();
  };
  await on.generate([{ id: "one", tokens }], forced(made), { onTokens });
  const seconds = (performance.now() - started) / 1000;
  const details = { context: tokens.length, new: made - 1, seconds };
  printMeasurement({ system, metric: "decoding one sequence", unit: "tokens/s", value: (made - 1) / seconds, details });
}

function forced(count: number): Sampling {
  return { ...greedySampling, maxNewTokens: count, minNewTokens: count, endTokens: "ignore" };
}
