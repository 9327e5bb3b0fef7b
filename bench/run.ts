// npm run bench -- [--case NAME]… [--peers PYTHON]… [--rounds N] [--threads N] [--model M] [--data DIR] [--profile] [--json]
// Runs ours and the peers in turn, appends a row for each figure to bench/results/<machine>.jsonl and prints them, the ratios last.
// Measures, never asserts. --profile adds tables of the kernels and keeps no rows.
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineName } from "#sdft/bench/machine.js";
import type { Row } from "#sdft/bench/measurement.js";
import type { ModelPackage } from "#sdft/models/package.js";
import { openModel } from "#sdft/models/resolve.js";
import { type BenchCase, type BenchContext, type CaseName, cases, isCaseName } from "./cases.js";
import { projectRoot } from "./checkout.js";
import { measureCase, runBench, say } from "./frame.js";

const { values } = parseArgs({
  options: {
    case: { type: "string", multiple: true },
    peers: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "0" },
    model: { type: "string", default: "smollm2-135m-instruct" },
    data: { type: "string", default: join(process.env.SDFT_SHARED ?? join(projectRoot, "..", "shared"), "data") },
    profile: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

await runBench(values, async (folder) => {
  const names = readCaseNames(values.case ?? Object.keys(cases));
  const model = await openModel(values.model);
  const context: BenchContext = {
    ...{ model, folder, say, data: values.data, peers: values.peers, most: Number.POSITIVE_INFINITY },
    choice: { weights: "native", compute: "f32", threads: Number(values.threads), profile: values.profile },
    peerFiles: preparePeers(values.peers, model),
  };
  // A profile's clock is part of the time: such figures are for reading, not for keeping.
  const handling = { rounds: Number(values.rounds), keep: !values.profile, json: values.json };
  const rows: Row[] = [];
  for (const name of names) {
    say(`case ${name}`);
    const { contestants, ratios, apart = false }: BenchCase = cases[name];
    const found = await contestants(context);
    for (const together of apart ? found.map((one) => [one]) : [found])
      rows.push(...(await measureCase({ name, machine: machineName(), contestants: together, ratios }, handling)));
  }
  return rows;
});

/** Converts the model for the peers once; kept in the cache folder by the model's fingerprint. Null without peers. */
function preparePeers([python]: readonly string[], model: ModelPackage): string | null {
  if (python === undefined) return null;
  if (!model.path.endsWith(".gguf"))
    throw new Error(`Expected a .gguf file to compare with peers but ${model.path} is none.`);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const made = join(cache, "sdft", "bench-peers", model.fingerprint.slice(0, 16));
  const script = join(projectRoot, "bench", "peers", "prepare.py");
  const { status } = spawnSync(python, [script, model.path, made], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("The peers' files could not be made; the reason is above.");
  return made;
}

function readCaseNames(wanted: readonly string[]): CaseName[] {
  return wanted.map((name) => {
    if (!isCaseName(name))
      throw new Error(`Expected a case out of ${Object.keys(cases).join(", ")} but received ${name}.`);
    return name;
  });
}
