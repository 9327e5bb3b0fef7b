// The cases of `npm run bench`: what work, which contestants, which ratios. Peers are taken at their best, found by short trials.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ModelPackage } from "#sdft/models/package.js";
import { type Contestant, pickFastest } from "./contestant.js";
import { projectRoot } from "./machine.js";
import { type Row, ratioRow } from "./measurement.js";
import { writeDistillPrompts, writeTrainingRows } from "./workload.js";

export interface BenchContext {
  readonly model: ModelPackage;
  /** The folder of the authors' data (openfunction/…). */
  readonly data: string;
  /** Temporary; gets the work as token ids. */
  readonly folder: string;
  /** Python interpreters with the peers' packages; more than one to compare builds of llama.cpp. */
  readonly peers: readonly string[];
  /** What peers/prepare.py made of the model; null without peers. */
  readonly peerFiles: string | null;
  readonly threads: number;
  readonly say: (line: string) => void;
}

export interface BenchCase {
  /** Ours first. */
  readonly contestants: (context: BenchContext) => Promise<readonly Contestant[]>;
  /** How each metric of ours is compared with each other system that has it. */
  readonly ratios: (rows: readonly Row[]) => readonly Row[];
}

const trainingRows = 96;
const distillRows = 64;
const newTokens = "64";
/** Transformers one prompt at a time takes long and runs at one pace: its figure is of fewer prompts. */
const singleRows = "16";

export const cases = {
  "train-openfunctions": {
    async contestants(context) {
      const rows = await writeTrainingRows(context, trainingRows);
      const ours = ["native", "f32"].map((weights) => our(context, "train", rows, ["--weights", weights]));
      const [python] = context.peers;
      if (python === undefined || context.peerFiles === null) return ours;
      const model = join(context.peerFiles, "hub");
      const variants = [
        [1, 8],
        [2, 4],
        [8, 1],
      ].map(([micro, accumulation]) =>
        peer(context, python, "train_peft", model, rows, ["--micro", `${micro}`, "--accumulation", `${accumulation}`]),
      );
      return [...ours, await pickFastest(variants, { metric: "training", parameters: ["--limit", "16"] }, context.say)];
    },
    ratios: compareSystems(["training", "peak memory"]),
  },
  "distill-openfunctions": {
    async contestants(context) {
      const rows = await writeDistillPrompts(context, distillRows);
      const ours = [our(context, "generate", rows, ["--new", newTokens])];
      const [python] = context.peers;
      if (python === undefined || context.peerFiles === null) return ours;
      const hub = join(context.peerFiles, "hub");
      const single = ["--batch", "1", "--limit", singleRows, "--new", newTokens];
      return [
        ...ours,
        await bestLlamaCpp(context, context.peerFiles, ["F32"], rows),
        peer(context, python, "generate_transformers", hub, rows, single),
        peer(context, python, "generate_transformers", hub, rows, ["--batch", "16", "--new", newTokens]),
      ];
    },
    ratios: compareSystems(["generating"]),
  },
  "decode-one": {
    async contestants(context) {
      const rows = await writeDistillPrompts(context, 4);
      const setting = ["--context", "256", "--new", newTokens];
      const { peerFiles } = context;
      const theirs =
        peerFiles === null ? [] : llamaCppFiles(context, peerFiles, ["F32", "F16", "Q8_0", "Q4_0", "Q4_1"]);
      return [
        our(context, "generate", rows, setting),
        ...context.peers.flatMap((python) =>
          theirs.map((file) => peer(context, python, "generate_llama_cpp", file, rows, setting)),
        ),
      ];
    },
    ratios: compareSystems(["decoding one sequence"]),
  },
  kernels: {
    contestants: async ({ threads }) => [
      { label: "sdft kernels", command: process.execPath, parameters: [program("kernels"), "--threads", `${threads}`] },
    ],
    ratios: sharesOfPeak,
  },
} as const satisfies Record<string, BenchCase>;

export type CaseName = keyof typeof cases;

export function isCaseName(name: string): name is CaseName {
  return Object.hasOwn(cases, name);
}

function program(name: string): string {
  return join(projectRoot, "build", "bench", `${name}.js`);
}

function our(context: BenchContext, name: string, rows: string, more: readonly string[]): Contestant {
  const parameters = [program(name), "--model", context.model.path, "--rows", rows, "--threads", `${context.threads}`];
  return { label: `sdft ${name} ${more.join(" ")}`, command: process.execPath, parameters: [...parameters, ...more] };
}

function peer(
  { threads }: BenchContext,
  python: string,
  script: string,
  model: string,
  rows: string,
  more: readonly string[],
): Contestant {
  const file = join(projectRoot, "bench", "peers", `${script}.py`);
  const parameters = [
    file,
    "--model",
    model,
    "--rows",
    rows,
    "--threads",
    `${threads || availableParallelism()}`,
    ...more,
  ];
  return { label: `${script} ${more.join(" ")}`, command: python, parameters };
}

/** llama.cpp's own conversions, and the file itself for its own format. */
function llamaCppFiles(context: BenchContext, peerFiles: string, formats: readonly string[]): string[] {
  return formats.flatMap((format) => {
    if (format !== "Q4_1") return [join(peerFiles, `${format}.gguf`)];
    return context.model.path.endsWith(`.${format}.gguf`) ? [context.model.path] : [];
  });
}

/** Over the builds, the formats, and how many sequences run at once with or without a shared prefix. */
function bestLlamaCpp(
  context: BenchContext,
  peerFiles: string,
  formats: readonly string[],
  rows: string,
): Promise<Contestant> {
  const settings = [["16"], ["64"], ["16", "--share"], ["64", "--share"]];
  const variants = context.peers.flatMap((python) =>
    llamaCppFiles(context, peerFiles, formats).flatMap((file) =>
      settings.map((setting) => peer(context, python, "generate_llama_cpp", file, rows, ["--sequences", ...setting])),
    ),
  );
  return pickFastest(variants, { metric: "generating", parameters: ["--new", "16"] }, context.say);
}

/** Each of our systems over each other one, metric by metric; below 1 is better for memory alone. */
function compareSystems(metrics: readonly string[]): (rows: readonly Row[]) => Row[] {
  return (rows) =>
    metrics.flatMap((metric) => {
      const of = rows.filter((row) => row.metric === metric);
      const [ours, others] = [of.filter(isOurs), of.filter((row) => !isOurs(row))];
      return ours.flatMap((a) => others.map((b) => ratioRow(a, b, metric)));
    });
}

function isOurs(row: Row): boolean {
  return row.system === "sdft" || row.system.startsWith("sdft ");
}

/** Every product over the multiply-add peak of the same number of threads. */
function sharesOfPeak(rows: readonly Row[]): Row[] {
  return rows.flatMap((row) => {
    const threads = row.metric.split(", ").at(-1);
    const peak = rows.find(({ metric }) => metric === `multiply-add peak, ${threads}`);
    const product = row.unit === "GFLOP/s" && row !== peak;
    if (peak === undefined || !product) return [];
    return [{ ...ratioRow(row, peak, `${row.metric}, share of peak`), system: row.system }];
  });
}
