// What `run` and `demo` share: the file with overrides and options, the run, the table.
import { existsSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readExperiment } from "../experiment/read-experiment.js";
import { runExperiment } from "../experiment/run.js";
import type { Experiment } from "../experiment/schema.js";
import type { RunSummary } from "../report/run-summary.js";
import { terminalReport } from "../report/terminal-table.js";
import { writeReport } from "../report/write-report.js";
import { checkMaxSamples } from "./arguments.js";
import type { CommandContext } from "./run-command.js";
import { formatDuration, type Terminal } from "./terminal.js";

export interface ExperimentArgs {
  readonly overrides: readonly string[];
  readonly model?: string | undefined;
  readonly device: string;
  readonly weights: string;
  readonly compute: "f32" | "int";
  readonly threads?: number | undefined;
  readonly memoryBudget?: string | undefined;
  readonly seed: number | undefined;
  readonly out?: string | undefined;
  readonly datasetDir?: string | undefined;
  readonly maxSamples?: number | undefined;
  /** Most rows of each test. */
  readonly limitTests?: number | undefined;
}

export async function runExperimentFile(path: string, args: ExperimentArgs, context: CommandContext): Promise<void> {
  const experiment = limitTests(
    await readExperiment(path, [...optionOverrides(args), ...args.overrides]),
    args.limitTests,
  );
  const folder = resolve(experiment.out ?? join("runs", basename(path, extname(path))));
  const summary = await runExperiment({ experiment, folder, reporter: context.terminal, signal: context.signal });
  context.terminal.result(summaryDocument(summary), resultText(summary, context.terminal));
}

/** Options win over the file, and key=value over options. */
function optionOverrides(args: ExperimentArgs): string[] {
  const maxSamples = checkMaxSamples(args.maxSamples);
  const given: [string, unknown][] = [
    ["model", args.model],
    ["device", args.device === "auto" ? undefined : args.device],
    ["weights", args.weights === "native" ? undefined : args.weights],
    ["compute", args.compute === "f32" ? undefined : args.compute],
    ["threads", args.threads],
    ["memory_budget", args.memoryBudget],
    ["seed", args.seed],
    ["out", args.out],
    ["dataset_dir", args.datasetDir],
    ["max_samples", maxSamples ?? undefined],
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

function resultText(summary: RunSummary, terminal: Terminal): string {
  const { seconds } = summary.manifest;
  const time = seconds === null ? "" : `Done in ${formatDuration(seconds)}. `;
  return `\n${terminalReport(summary, terminal.color.bold)}\n${time}Report: ${pathToFileURL(join(summary.folder, "report.html")).href}\n`;
}

function summaryDocument(summary: RunSummary): unknown {
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

/** The table of a finished run; its report files are written anew. */
export async function showReport(folder: string, terminal: Terminal): Promise<void> {
  const summary = await writeReport(resolve(folder));
  const scores = join(summary.folder, "scores.jsonl");
  if (!existsSync(scores))
    terminal.warn(
      `${scores} is missing, so there are no results to show: the run has not come to its end. Run its experiment again with the same --out, and it goes on where it stopped.`,
    );
  terminal.result(summaryDocument(summary), resultText(summary, terminal));
}
