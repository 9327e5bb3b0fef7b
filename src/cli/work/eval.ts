// The work of `sdft eval`: a model on tasks, or outputs made elsewhere on one task.
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { InputError } from "../../base/error.js";
import { makeWritableFolder, writeJsonLines } from "../../base/write-file.js";
import { evaluateTask, expectGradable, gradePredictions } from "../../eval/evaluate-task.js";
import { toPredictionRows } from "../../eval/match-predictions.js";
import type { ScoreRow } from "../../eval/prediction.js";
import { readPredictions } from "../../eval/predictions-file.js";
import { prepareSession, startSession } from "../../experiment/session.js";
import { rate } from "../../report/wording.js";
import { getTask } from "../../tasks/registry.js";
import { faultSentence, type MetricValue } from "../../tasks/score.js";
import type { Task } from "../../tasks/task.js";
import { requireOption, sessionOptions } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { splitNames } from "./data.js";
import { type EvalDataArgs, loadTest, loadWork, planWork } from "./eval-data.js";
import { type GradingArgs, gradingSettings, samplesPerPrompt } from "./grading.js";
import { openAdapter } from "./model.js";
import { type ProfileArgs, startProfile } from "./profile.js";

export interface EvalArgs extends EvalDataArgs, ProfileArgs, GradingArgs {
  readonly out?: string | undefined;
  readonly tasks?: string | undefined;
  readonly predictions?: string | undefined;
}

export async function runEval(args: EvalArgs, context: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for predictions and scores"));
  if (args.predictions !== undefined && args.profile)
    throw new InputError("usage", "--profile is of the engine's kernels, and --predictions scores without the engine.");
  if (args.predictions !== undefined) return scoreFile(args.predictions, args, { folder, context });
  const names = splitNames(args.tasks ?? args.task ?? "");
  if (names.length === 0)
    throw new InputError("usage", "Expected --tasks (names with commas), or --predictions with --task.");
  const tasks = names.map(getTask);
  if (args.data !== undefined && tasks.length > 1)
    throw new InputError(
      "usage",
      "--data goes with one task; name the data of several tasks in a dataset_info.json (--dataset-dir).",
    );
  if (args.numFewshot !== undefined && !tasks.some(({ grading }) => grading === "choice"))
    throw new InputError("usage", "--num-fewshot is of multiple-choice tasks, and none was named.");
  await evaluateTasks(tasks, args, { folder, context });
}

interface Place {
  readonly folder: string;
  readonly context: CommandContext;
}

async function evaluateTasks(tasks: readonly Task[], args: EvalArgs, { folder, context }: Place): Promise<void> {
  const { terminal, signal } = context;
  const seed = args.seed ?? 0;
  const grading = await gradingSettings(args);
  for (const task of tasks) await expectGradable(task, grading);
  const data = [];
  for (const task of tasks) data.push(await loadWork(task, args, terminal));
  const prepared = await prepareSession(sessionOptions(args, terminal));
  const works = [];
  for (const work of data)
    works.push(await planWork(work, args, { prepared, samplesPerPrompt: samplesPerPrompt(args) }));
  using session = await startSession(
    prepared,
    works.map(({ plan }) => plan),
  );
  const { engine } = session;
  const adapter = await openAdapter(engine, args.adapter, terminal);
  const trained = await describeAdapter(args.adapter);
  await makeWritableFolder(folder);
  const showProfile = startProfile(args, engine, terminal);
  const scores: ScoreRow[] = [];
  const lines: string[] = [];
  for (const { job, template } of works) {
    const { task } = job;
    const { predictions, metrics } = await evaluateTask(engine, {
      ...job,
      adapter,
      adapterHash: engine.hashAdapter(adapter),
      grading,
      generator: args.adapter === undefined ? prepared.model.name : `${prepared.model.name} ${args.adapter}`,
      folder: join(folder, task.name),
      stage: `evaluate ${task.name}`,
      reporter: terminal,
      signal,
    });
    scores.push(...metrics.map((metric) => ({ ...trained, template, seed, task: task.name, ...metric })));
    lines.push(...metrics.map((metric) => metricLine(task, metric)));
    if (metrics.length === 0) lines.push(`${task.name}: ${predictions.length} outputs written; ${unscored(task)}.`);
  }
  await showProfile();
  await writeJsonLines(join(folder, "scores.jsonl"), scores);
  terminal.result({ folder, scores }, lines.join("\n"));
}

async function scoreFile(path: string, args: EvalArgs, { folder, context }: Place): Promise<void> {
  const task = getTask(requireOption(args.task, "task", "what the outputs answer"));
  const settings = await gradingSettings(args);
  await expectGradable(task, settings);
  const lines = await readPredictions(path);
  // Programs and judges need the rows themselves, not only their labels.
  const needsRows = task.grading === "execution" || task.grading === "judge";
  const hasData = needsRows || args.data !== undefined || args.datasetDir !== undefined;
  if (hasData && args.maxSamples !== undefined && lines[0]?.idFrom === "order")
    throw new InputError(
      "missing_id",
      `The lines of ${path} have no ids, so --max-samples can't tell which rows they answer: add ids, or leave it out.`,
    );
  const examples = hasData ? await loadTest(task, args, context.terminal) : null;
  const rows = toPredictionRows(task, lines, { source: path, examples });
  await makeWritableFolder(folder);
  const { terminal: reporter, signal } = context;
  const generator = basename(path, extname(path));
  const grading = { settings, examples: examples ?? [], folder, generator, reporter, signal };
  const evaluation = await gradePredictions(task, rows, grading);
  // With data its labels were looked at before.
  if (examples === null) for (const fault of evaluation.faults ?? []) context.terminal.warn(faultSentence(task, fault));
  await writeJsonLines(join(folder, "predictions.jsonl"), evaluation.predictions);
  const unknown = {
    variant: "seed",
    dataset: null,
    template: args.template ?? "unknown",
    distill_template: null,
    mix_ratio: null,
    samples: null,
    rank: null,
  } as const;
  const scores: ScoreRow[] = evaluation.metrics.map((metric) => ({
    ...unknown,
    seed: args.seed ?? 0,
    task: task.name,
    ...metric,
  }));
  await writeJsonLines(join(folder, "scores.jsonl"), scores);
  const shown = evaluation.metrics.map((metric) => metricLine(task, metric));
  const failed = evaluation.faults ?? [];
  context.terminal.result(
    { folder, scores, ...(failed.length > 0 ? { failed } : {}) },
    shown.length > 0 ? shown.join("\n") : `${task.name}: ${rows.length} outputs; ${unscored(task)}.`,
  );
}

/** Why there is no score. */
function unscored(task: Task): string {
  return task.grading === "judge" ? "no judge was named (--judge-endpoint)" : "no program can judge them";
}

/** What `sdft train` noted beside the adapter; an adapter from elsewhere counts as ordinarily fine-tuned. */
async function describeAdapter(
  folder: string | undefined,
): Promise<Pick<ScoreRow, "variant" | "dataset" | "distill_template" | "mix_ratio" | "samples" | "rank">> {
  if (folder === undefined)
    return { variant: "seed", dataset: null, distill_template: null, mix_ratio: null, samples: null, rank: null };
  const known: Record<string, unknown> =
    (await readNote(join(folder, "run.yaml"))) ?? (await readNote(join(dirname(resolve(folder)), "run.yaml"))) ?? {};
  const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
  return {
    variant: known.variant === "sdft" ? "sdft" : "vanilla",
    dataset: typeof known.dataset === "string" ? known.dataset : null,
    // The rewrites come from elsewhere: `sdft train` doesn't know their template.
    distill_template: null,
    mix_ratio: number(known.mix_ratio),
    samples: number(known.samples),
    rank: number(known.rank),
  };
}

async function readNote(path: string): Promise<Record<string, unknown> | null> {
  const value: unknown = parseYaml(await readFile(path, "utf8").catch(() => ""));
  return typeof value === "object" && value !== null && "command" in value ? { ...value } : null;
}

function metricLine(task: Task, metric: MetricValue): string {
  return `${metric.task ?? task.name}: ${metric.metric.replaceAll("_", " ")} ${rate(metric)}, n = ${metric.n}`;
}
