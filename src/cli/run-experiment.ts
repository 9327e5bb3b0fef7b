// What `run` and `demo` share: the file with overrides and options, the run, the table.
import { basename, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { InputError } from "../base/error.js";
import { readSettings } from "../experiment/read-experiment.js";
import { runExperiment } from "../experiment/run.js";
import { scaleStudy } from "../experiment/scale.js";
import { type Experiment, parseExperiment } from "../experiment/schema.js";
import { isStudy, parseStudy } from "../experiment/study-schema.js";
import type { RunSummary } from "../report/run-summary.js";
import { terminalReport } from "../report/terminal-table.js";
import { checkMaxSamples } from "./arguments.js";
import type { CommandContext } from "./run-command.js";
import { runStudyWork } from "./run-study.js";
import { formatDuration, type Terminal } from "./terminal.js";

export interface ExperimentArgs {
  readonly overrides: readonly string[];
  readonly model?: string | undefined;
  readonly device: string;
  readonly weights: string;
  readonly compute: "f32" | "int";
  readonly threads?: number | undefined;
  readonly batchInvariant?: boolean | undefined;
  readonly memoryBudget?: string | undefined;
  readonly seed: number | undefined;
  readonly out?: string | undefined;
  readonly datasetDir?: string | undefined;
  readonly maxSamples?: number | undefined;
  readonly maxExampleTokens?: number | undefined;
  readonly dryRun?: boolean | undefined;
  /** Most rows of each test. */
  readonly limitTests?: number | undefined;
}

export async function runExperimentFile(path: string, args: ExperimentArgs, context: CommandContext): Promise<void> {
  const values = await readSettings(path, [...optionOverrides(args), ...args.overrides]);
  if (isStudy(values)) return runStudyFile(path, values, { args, context });
  const experiment = limitTests(parseExperiment(values, path), args.limitTests);
  if (args.dryRun === true) {
    throw new InputError(
      "usage",
      `--dry-run plans a study, and ${path} is one experiment: give it a matrix, such as matrix.variant=[seed,vanilla,sdft].`,
    );
  }
  const folder = resolve(experiment.out ?? defaultFolder(path));
  const summary = await runExperiment({ experiment, folder, reporter: context.terminal, signal: context.signal });
  context.terminal.result(summaryDocument(summary), resultText(summary, context.terminal));
}

async function runStudyFile(
  path: string,
  values: Readonly<Record<string, unknown>>,
  { args, context }: { readonly args: ExperimentArgs; readonly context: CommandContext },
): Promise<void> {
  const study = parseStudy(
    args.maxSamples === undefined ? values : scaleStudy(values, { samples: args.maxSamples }),
    path,
  );
  const folder = resolve(study.settings.out ?? defaultFolder(path));
  await runStudyWork({ study, folder, dryRun: args.dryRun ?? false }, context);
}

function defaultFolder(path: string): string {
  return join("runs", basename(path, extname(path)));
}

/** Options win over the file, and key=value over options. */
export function optionOverrides(args: ExperimentArgs): string[] {
  const maxSamples = checkMaxSamples(args.maxSamples);
  const given: [string, unknown][] = [
    ["model", args.model],
    ["device", args.device === "auto" ? undefined : args.device],
    ["weights", args.weights === "native" ? undefined : args.weights],
    ["compute", args.compute === "f32" ? undefined : args.compute],
    ["threads", args.threads],
    ["batch_invariant", args.batchInvariant === true ? true : undefined],
    ["memory_budget", args.memoryBudget],
    ["seed", args.seed],
    ["out", args.out],
    ["dataset_dir", args.datasetDir],
    ["max_samples", maxSamples ?? undefined],
    ["max_tokens", args.maxExampleTokens],
  ];
  return given.filter(([, value]) => value !== undefined).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
}

function limitTests(experiment: Experiment, limit: number | undefined): Experiment {
  if (limit === undefined) return experiment;
  const evaluate = experiment.evaluate.map((entry) => ({
    ...entry,
    max_samples: Math.min(limit, entry.max_samples ?? limit),
  }));
  return { ...experiment, evaluate };
}

/** For people: the tables, and where the page is. */
export function resultText(summary: RunSummary, terminal: Terminal): string {
  const { seconds } = summary.manifest;
  const time = seconds === null ? "" : `Done in ${formatDuration(seconds)}. `;
  return `\n${terminalReport(summary, terminal.color.bold)}\n${time}Report: ${pathToFileURL(join(summary.folder, "report.html")).href}\n`;
}

/** For --json. */
export function summaryDocument(summary: RunSummary): unknown {
  return {
    folder: summary.folder,
    scores: summary.scores,
    yield: summary.yield,
    comparisons: summary.comparisons,
    seconds: summary.manifest.seconds,
    peak_memory: summary.manifest.peak_memory,
    report: join(summary.folder, "report.html"),
  };
}
