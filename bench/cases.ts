// The cases of `npm run bench`: those of `sdft bench` on the authors' data, with the peers beside ours, and the ratios.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { amounts, type CaseContext, cases as shipped } from "#sdft/bench/cases.js";
import { type Contestant, ours } from "#sdft/bench/contestant.js";
import type { EngineChoice } from "#sdft/bench/engine-choice.js";
import { decodingMetrics } from "#sdft/bench/generating.js";
import { type Row, ratioRow } from "#sdft/bench/measurement.js";
import { rewritingPrompts, trainingRows, type WorkRow } from "#sdft/bench/work.js";
import { fastestPeer, type PeerProgram, peer } from "./peer.js";

export interface BenchContext extends CaseContext {
  /** Temporary; gets the work as files for the peers. */
  readonly folder: string;
  /** Python interpreters with the peers' packages; more than one to compare builds of llama.cpp. */
  readonly peers: readonly string[];
  /** What peers/prepare.py made of the model; null without peers. */
  readonly peerFiles: string | null;
}

export interface BenchCase {
  /** Ours first. */
  readonly contestants: (context: BenchContext) => Promise<readonly Contestant[]>;
  /** How each metric of ours is compared with each other system that has it. */
  readonly ratios: (rows: readonly Row[]) => readonly Row[];
  /** Nothing is compared: each contestant by itself, its rows kept before the next begins, so that a long case cut short keeps what it has. */
  readonly apart?: boolean;
}

/** Transformers one prompt at a time takes long and runs at one pace: its figure is of fewer prompts. */
const singleRows = "16";
/** llama.cpp's formats whose products are of integers, and F16. */
const compactFormats = ["Q4_0", "Q8_0", "Q4_1", "F16"];

export const cases = {
  "train-openfunctions": {
    async contestants(context) {
      const rows = await trainingRows(context, amounts.trainingRows);
      const work = { rows, batch: amounts.batch };
      const mine = (["native", "f32"] as const).map((weights) =>
        ours(`train, weights ${weights}`, { kind: "train", ...on(context, { weights }), work }),
      );
      const program = await pythonWork(context, "training", rows);
      if (program === null) return mine;
      const variants = [
        [1, 8],
        [2, 4],
        [8, 1],
      ].map(([micro, accumulation]) =>
        program("train_peft", ["--micro", `${micro}`, "--accumulation", `${accumulation}`]),
      );
      const trial = { metric: "training", parameters: ["--limit", "16"] };
      return [...mine, peer(await fastestPeer(variants, trial, context.say))];
    },
    ratios: compareSystems(["training", "peak memory"]),
  },
  "distill-openfunctions": {
    contestants: (context) => distilling(context, "f32"),
    ratios: compareSystems(["generating"]),
  },
  "distill-openfunctions-int": {
    contestants: (context) => distilling(context, "int"),
    ratios: compareSystems(["generating"]),
  },
  "decode-one": {
    async contestants(context) {
      const rows = await rewritingPrompts(context, 4);
      const { newTokens, context: length } = amounts;
      const work = { rows, newTokens, context: length };
      const mine = (["f32", "int"] as const).map((compute) =>
        ours(`decode, compute ${compute}`, { kind: "decode", ...on(context, { compute }), work }),
      );
      const setting = ["--context", `${length}`, "--new", `${newTokens}`];
      const theirs = await llamaCpp(context, rows, { formats: ["F32", ...compactFormats], settings: [setting] });
      return [...mine, ...theirs.map(peer)];
    },
    ratios: compareSystems(decodingMetrics),
  },
  kernels: { contestants: shipped.kernels.contestants, ratios: () => [] },
  scaling: { contestants: shipped.scaling.contestants, ratios: () => [], apart: true },
  start: { contestants: shipped.start.contestants, ratios: () => [] },
} as const satisfies Record<string, BenchCase>;

export type CaseName = keyof typeof cases;

export function isCaseName(name: string): name is CaseName {
  return Object.hasOwn(cases, name);
}

/** Ours by one arithmetic, llama.cpp at its best in the formats that stand beside it, transformers the authors' way and, beside f32, batched. */
async function distilling(context: BenchContext, compute: "f32" | "int"): Promise<Contestant[]> {
  const rows = await rewritingPrompts(context, amounts.prompts);
  const forced = ["--new", `${amounts.newTokens}`];
  const work = { rows, newTokens: amounts.newTokens };
  const mine = ours(`generate, compute ${compute}`, { kind: "generate", ...on(context, { compute }), work });
  const program = await pythonWork(context, "prompts", rows);
  if (program === null) return [mine];
  const settings = [["16"], ["64"], ["16", "--share"], ["64", "--share"]].map((words) => ["--sequences", ...words]);
  const formats = compute === "f32" ? ["F32"] : compactFormats;
  // First the fastest format (and build), then the fastest setting of it: every pair would take a quarter of an hour.
  const trial = { metric: "generating", parameters: ["--new", "16"] };
  const inFormats = await llamaCpp(context, rows, { formats, settings: settings.slice(2, 3) });
  const { python, model } = await fastestPeer(inFormats, trial, context.say);
  const variants = (await llamaCpp(context, rows, { formats, settings })).filter(
    (program) => program.python === python && program.model === model,
  );
  const single = program("generate_transformers", ["--batch", "1", "--limit", singleRows, ...forced]);
  const batched = program("generate_transformers", ["--batch", "16", ...forced]);
  const best = peer(await fastestPeer(variants, trial, context.say));
  return [mine, best, peer(single), ...(compute === "f32" ? [peer(batched)] : [])];
}

function on({ model, choice }: BenchContext, change: Partial<EngineChoice>) {
  return { model: model.path, choice: { ...choice, ...change } };
}

/** Writes the rows for the peers; programs on them in the first environment. Null without peers. */
async function pythonWork(
  { peers, peerFiles, folder, choice }: BenchContext,
  name: string,
  rows: readonly WorkRow[],
): Promise<((script: string, parameters: readonly string[]) => PeerProgram) | null> {
  const [python] = peers;
  if (python === undefined || peerFiles === null) return null;
  const file = await writeRows(folder, name, rows);
  const model = join(peerFiles, "hub");
  return (script, parameters) => ({ python, script, model, rows: file, threads: choice.threads, parameters });
}

/** Over the builds, the formats (its own conversions; the file itself for its own format) and the settings. */
async function llamaCpp(
  context: BenchContext,
  rows: readonly WorkRow[],
  { formats, settings }: { readonly formats: readonly string[]; readonly settings: readonly (readonly string[])[] },
): Promise<PeerProgram[]> {
  const { peerFiles, peers, model, choice } = context;
  if (peerFiles === null) return [];
  const file = await writeRows(context.folder, "llama-cpp", rows);
  const files = formats.flatMap((format) => {
    if (model.path.endsWith(`.${format}.gguf`)) return [model.path];
    return format === "Q4_1" ? [] : [join(peerFiles, `${format}.gguf`)];
  });
  return peers.flatMap((python) =>
    files.flatMap((path) =>
      settings.map((parameters) => ({
        ...{ python, script: "generate_llama_cpp", model: path, rows: file, threads: choice.threads, parameters },
      })),
    ),
  );
}

async function writeRows(folder: string, name: string, rows: readonly WorkRow[]): Promise<string> {
  const path = join(folder, `${name}.json`);
  await writeFile(path, JSON.stringify({ rows }));
  return path;
}

/** Each of our systems over each other one, metric by metric; below 1 is better for memory alone. */
function compareSystems(metrics: readonly string[]): (rows: readonly Row[]) => Row[] {
  return (rows) =>
    metrics.flatMap((metric) => {
      const of = rows.filter((row) => row.metric === metric);
      const [mine, others] = [of.filter(isOurs), of.filter((row) => !isOurs(row))];
      return mine.flatMap((a) => others.map((b) => ratioRow(a, b, metric)));
    });
}

function isOurs(row: Row): boolean {
  return row.system === "sdft" || row.system.startsWith("sdft ");
}
