// What grading needs beyond a task's own check: programs to run, a judge to ask. The settings are the user's; the context is one task's.
import { join } from "node:path";
import { InputError, SdftError } from "../base/error.js";
import type { Reporter } from "../base/reporter.js";
import { writeJson } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { passAtK } from "../metrics/pass-at-k.js";
import { pairedBootstrap } from "../metrics/statistics.js";
import { type MetricValue, summarise } from "../tasks/score.js";
import type { Task } from "../tasks/task.js";
import type { Evaluation } from "./evaluate.js";
import { alpacaEvalRow } from "./judge/alpaca-eval-file.js";
import { type JudgeRow, judgeOutputs } from "./judge/judge-outputs.js";
import { type JudgeSettings, judgeKey, standInEndpoint } from "./judge/settings.js";
import { startStandInJudge } from "./judge/stand-in.js";
import { pairScore, winRate } from "./judge/win-rate.js";
import type { PredictionRow } from "./prediction.js";
import { assembleProgram, readProblem } from "./sandbox/assemble-program.js";
import { expectSandbox } from "./sandbox/find-sandbox.js";
import { gradePrograms } from "./sandbox/grade-programs.js";

export interface GradingSettings {
  /** Programs run without a sandbox where none works. */
  readonly allowUnsafeExecution: boolean;
  /** Null: outputs are written for a judge to come. */
  readonly judge: JudgeSettings | null;
}

/** No risk taken, nobody asked. */
export const plainGrading: GradingSettings = { allowUnsafeExecution: false, judge: null };

export interface GradingContext {
  readonly settings: GradingSettings;
  /** The rows that the outputs answer. */
  readonly examples: readonly TextExample[];
  /** The task's folder: gets verdicts and answers, and is where they are found again. */
  readonly folder: string;
  /** What made the outputs, for AlpacaEval's file. */
  readonly generator: string;
  readonly reporter?: Reporter | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws where no sandbox works, or the judge's key is missing. */
export async function expectSandboxOrJudge(task: Task, settings: GradingSettings): Promise<void> {
  if (task.grading === "execution") await expectSandbox({ allowUnsafe: settings.allowUnsafeExecution });
  if (task.grading === "judge" && settings.judge !== null) judgeKey(settings.judge);
}

/** HumanEval: each output completes a program, which runs against its tests. */
export async function gradeByExecution(
  task: Task,
  rows: readonly PredictionRow[],
  context: GradingContext,
): Promise<Evaluation> {
  const sandbox = await expectSandbox({ allowUnsafe: context.settings.allowUnsafeExecution });
  const exampleOf = exampleFinder(task, context.examples);
  const programs = rows.map(({ id, sample = 0, output }) => {
    const problem = readProblem(exampleOf(id).row, id);
    return { id, sample, program: assembleProgram(problem, output, sandbox.python.numpy !== null) };
  });
  if (sandbox.method === "none")
    context.reporter?.warn(`Programs of ${task.name} run WITHOUT a sandbox (--allow-unsafe-execution).`);
  const verdicts = await gradePrograms(programs, {
    sandbox,
    folder: context.folder,
    stage: `run programs of ${task.name}`,
    ...(context.reporter === undefined ? {} : { reporter: context.reporter }),
    signal: context.signal,
  });
  const predictions = rows.map((row, index) => ({ ...row, correct: verdicts[index]?.outcome === "passed" }));
  return { predictions, metrics: passMetrics(predictions) };
}

/** pass@k for k = 1, 10, 100 and the number of samples: Wilson's interval for single samples, else bootstrapped over problems. */
export function passMetrics(rows: readonly PredictionRow[]): MetricValue[] {
  const verdicts = new Map<string, boolean[]>();
  for (const { id, correct } of rows) verdicts.set(id, [...(verdicts.get(id) ?? []), correct === true]);
  const problems = [...verdicts.values()];
  if (problems.length === 0) return [];
  const samples = Math.min(...problems.map((each) => each.length));
  if (Math.max(...problems.map((each) => each.length)) === 1) return [summarise("pass@1", problems.flat())];
  return [...new Set([1, 10, 100, samples])]
    .filter((k) => k <= samples)
    .sort((a, b) => a - b)
    .map((k) => {
      const values = problems.map((each) => passAtK(each.length, each.filter(Boolean).length, k));
      const { difference, low, high } = pairedBootstrap(
        values.map(() => 0),
        values,
        { seed: 0 },
      );
      return { metric: `pass@${k}`, value: difference, n: values.length, low, high };
    });
}

/** AlpacaEval: the outputs in its tool's format and, where there is a judge, who wins against the reference answers. */
export async function gradeByJudge(
  task: Task,
  rows: readonly PredictionRow[],
  context: GradingContext,
): Promise<Evaluation> {
  const { settings, folder, generator, reporter } = context;
  const exampleOf = exampleFinder(task, context.examples);
  await writeJson(
    join(folder, "model_outputs.json"),
    rows.map(({ id, output }) => alpacaEvalRow(exampleOf(id), output, generator)),
  );
  if (settings.judge === null) return { predictions: rows, metrics: [] };
  const pairs = rows.map((row) => judgeRow(task, row, exampleOf(row.id)));
  const stage = `judge ${task.name}`;
  const { verdicts, unparsed } = await withEndpoint(settings.judge, (judge) =>
    judgeOutputs(pairs, { settings: judge, folder, stage, ...(reporter && { reporter }), signal: context.signal }),
  );
  if (settings.judge.endpoint === standInEndpoint)
    reporter?.warn(
      `${task.name} was judged by a stand-in, which prefers the longer answer: its win rate means nothing.`,
    );
  const scores = verdicts.map(pairScore);
  const { endpoint, model, bothOrders, prompt } = settings.judge;
  await writeJson(join(folder, "judge.json"), { endpoint, model, both_orders: bothOrders, unparsed, prompt });
  if (scores.length > 0 && scores.every((score) => score === null)) {
    throw new SdftError(
      "no_verdict",
      `None of the ${unparsed.length} answers of the judge ${model} states a verdict, so ${task.name} has no win rate: its prompt must end in a line such as VERDICT: FIRST. What it said is in ${join(folder, "judgements.jsonl")}.`,
    );
  }
  if (unparsed.length > 0)
    reporter?.warn(`${unparsed.length} answers of the judge state no verdict and don't count: ${listed(unparsed)}.`);
  const predictions = rows.map((row, index) => ({ ...row, correct: verdictOf(scores[index] ?? null) }));
  return { predictions, metrics: winRate(scores) };
}

/** Starts the stand-in for as long as it is asked. */
async function withEndpoint<Result>(
  judge: JudgeSettings,
  work: (judge: JudgeSettings) => Promise<Result>,
): Promise<Result> {
  if (judge.endpoint !== standInEndpoint) return work(judge);
  const { endpoint, close } = await startStandInJudge();
  try {
    return await work({ ...judge, endpoint });
  } finally {
    await close();
  }
}

/** A tie is neither right nor wrong. */
function verdictOf(score: number | null): boolean | null {
  return score === null || score === 0.5 ? null : score > 0.5;
}

function judgeRow(task: Task, { id, output }: PredictionRow, example: TextExample): JudgeRow {
  const { instruction, response } = example;
  if (response !== null) return { id, instruction, output, baseline: response };
  throw new InputError(
    "missing_label",
    `Task ${task.name} compares with the baseline's answer, but row ${id} has none.`,
  );
}

function exampleFinder(task: Task, examples: readonly TextExample[]): (id: string) => TextExample {
  const byId = new Map(examples.map((example) => [example.id, example]));
  return (id) => {
    const example = byId.get(id);
    if (example !== undefined) return example;
    throw new InputError("unknown_id", `An output of ${task.name} has id "${id}", but the data has no row of that id.`);
  };
}

function listed(names: readonly string[]): string {
  return names.length <= 10 ? names.join(", ") : `${names.slice(0, 10).join(", ")} and ${names.length - 10} more`;
}
