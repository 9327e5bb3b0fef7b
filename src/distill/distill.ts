// The distilling stage: the seed model rewrites each response, greedily or in several samples; every attempt goes to a journal as it comes,
// so an interrupted stage goes on where it stopped. How rewrites are judged is select.ts; what judging needs of the engine gather-logprobs.ts.
import { join } from "node:path";
import { z } from "zod";
import { contentHash } from "../base/content-hash.js";
import { InputError, SdftError } from "../base/error.js";
import { computedBy, type Journal, openJournal } from "../base/journal.js";
import { type Reporter, silentReporter } from "../base/reporter.js";
import { writeJsonLines } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import type { AdapterHandle, Engine } from "../engine/engine.js";
import type { Completion } from "../engine/generate.js";
import type { Sampling } from "../engine/sampling.js";
import type { DraftMode } from "../native/types.js";
import { type RowFault, scoreAnswers } from "../tasks/score.js";
import type { Task } from "../tasks/task.js";
import type { PromptRenderer } from "../templates/render.js";
import { type Choice, evidenceNeeds, rendererEvidence } from "./evidence.js";
import { expectScorable, LogprobStore, parseScoredSample, type ScoredSample } from "./gather-logprobs.js";
import { Judging } from "./judging.js";
import { bindRules, type RuleSetting, ruleSettings } from "./rules/registry.js";
import { type Rewrite, type Selection, select } from "./select.js";
import { writeSelection } from "./write-selection.js";

/** One attempt at a rewrite; a row of rewrites.jsonl. */
export interface Attempt extends Rewrite {
  readonly finish: "stop" | "length";
  /** New tokens. */
  readonly tokens: number;
}

export interface DistillJob {
  readonly examples: readonly TextExample[];
  /** With the distillation template. */
  readonly renderer: PromptRenderer;
  /** With the ordinary template, under which log-probabilities are taken; only a rule or a choice that goes by them needs it. */
  readonly ordinary?: PromptRenderer;
  readonly sampling: Sampling;
  /** Most attempts for a row; with `choose: "best"`, how many are made for each. */
  readonly attempts: number;
  /** `first` (also where left out): no further attempt once one passes. `best`: of all that pass, the one that the model finds likeliest. */
  readonly choose?: Choice;
  /** Null or left out: the base model. */
  readonly adapter?: AdapterHandle | null;
  /** Null for data that belongs to none. */
  readonly task: Task | null;
  readonly rules: readonly RuleSetting[];
  /** What the rewrites are called in files for other trainers. */
  readonly name: string;
  /** Gets distilled.jsonl, rewrites.jsonl, verdicts.jsonl, yield.json, <name>.json and dataset_info.json. */
  readonly folder: string;
  /** Whether to draft, also from the original answers: where it is faster (`auto`, also where left out), never or always. Rewrites are the same. */
  readonly drafts?: DraftMode | undefined;
  readonly stage?: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Temperature of the attempts after the first, where the first is greedy. */
const retryTemperature = 0.8;

/** What the stage's files depend on: prompts, weights, sampling, rules. */
export function distillHash(engine: Engine, job: DistillJob): string {
  const rules = bindRules(job.rules);
  const { choose = "first" } = job;
  const ordinary = scoringRenderer(job);
  return contentHash({
    stage: "distill",
    engine: engine.fingerprint,
    adapter: engine.hashAdapter(job.adapter ?? null),
    task: job.task?.name ?? null,
    rules: ruleSettings(rules),
    sampling: job.sampling,
    attempts: job.attempts,
    ...(choose === "first" ? {} : { choose }),
    ...(ordinary === null ? {} : { ordinary: job.examples.map((example) => ordinary.promptTokens(example)) }),
    stopTokens: job.renderer.stopTokens,
    rows: job.examples.map((example) => [example.id, job.renderer.promptTokens(example), example.response]),
  });
}

/** Generates, selects and writes. */
export async function distill(engine: Engine, job: DistillJob): Promise<Selection> {
  checkJob(engine, job);
  const hash = distillHash(engine, job);
  const journal = await openJournal(
    join(job.folder, "rewrites.partial.jsonl"),
    hash,
    parseAttempt,
    computedBy(engine, job.reporter ?? silentReporter),
  );
  const scores = await openScores(engine, job, hash);
  const attempts = new Map<string, Attempt[]>();
  const add = (made: Attempt): void => {
    attempts.set(made.id, [...(attempts.get(made.id) ?? []), made]);
  };
  for (const made of journal.earlier) add(made);
  const madeOf = ({ id }: TextExample): readonly Attempt[] => attempts.get(id) ?? [];
  const judging = new Judging(job, rendererEvidence(job.renderer, scores?.store.logprob), scores?.store ?? null);
  for (const samples of roundsOf(job)) {
    await judging.gather(job.examples, madeOf);
    const open = job.examples.flatMap((example) => {
      if (job.choose !== "best" && judging.hasAccepted(example, madeOf(example))) return [];
      const missing = samples.filter((sample) => !madeOf(example).some((one) => one.sample === sample));
      return missing.map((sample) => ({ example, sample }));
    });
    await attemptAll(engine, { job, open, samples, journal, add });
  }
  await judging.gather(job.examples, madeOf);
  const all = job.examples.flatMap((example) => [...madeOf(example)].sort((a, b) => a.sample - b.sample));
  const selection = select(job.examples, all, judging.filter);
  await writeJsonLines(join(job.folder, "rewrites.jsonl"), all);
  await writeSelection(selection, { folder: job.folder, name: job.name, originals: job.examples });
  await journal.remove();
  await scores?.journal.remove();
  return selection;
}

/** Samples made in one call. Where all are made anyway those that are drawn alike go together: they share their prompts. */
function roundsOf({ attempts, choose = "first", sampling }: DistillJob): number[][] {
  const all = Array.from({ length: attempts }, (_, sample) => sample);
  if (choose === "first") return all.map((sample) => [sample]);
  const rounds = sampling.temperature === 0 ? [all.slice(0, 1), all.slice(1)] : [all];
  return rounds.filter((samples) => samples.length > 0);
}

interface Scores {
  readonly store: LogprobStore;
  readonly journal: Journal<ScoredSample>;
}

/** Null where nothing goes by log-probabilities. */
async function openScores(engine: Engine, job: DistillJob, hash: string): Promise<Scores | null> {
  const { adapter = null, signal, folder, reporter } = job;
  const renderer = scoringRenderer(job);
  if (renderer === null) return null;
  const journal = await openJournal(
    join(folder, "logprobs.partial.jsonl"),
    hash,
    parseScoredSample,
    computedBy(engine, job.reporter ?? silentReporter),
  );
  const onProgress = reporter?.progress.bind(reporter);
  const store = new LogprobStore(engine, {
    ...{ renderer, adapter, journal, signal },
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return { store, journal };
}

interface Round {
  readonly job: DistillJob;
  readonly open: readonly { readonly example: TextExample; readonly sample: number }[];
  /** Of this round. */
  readonly samples: readonly number[];
  readonly journal: Journal<Attempt>;
  readonly add: (made: Attempt) => void;
}

async function attemptAll(engine: Engine, round: Round): Promise<void> {
  const { job, open, samples } = round;
  const [first = 0] = samples;
  const total = job.examples.length * samples.length;
  const reporter = job.reporter ?? silentReporter;
  const name = job.stage ?? "distil";
  const prompts = open.map(({ example, sample }) => ({
    id: example.id,
    tokens: job.renderer.promptTokens(example),
    sample,
    draft: originalTokens(job.renderer, example),
  }));
  await engine.generate(prompts, samplingOf(job.sampling, first), {
    adapter: job.adapter ?? null,
    endTokens: job.renderer.stopTokens,
    signal: job.signal,
    drafts: job.drafts,
    onCompletion: (completion) => {
      const made = toAttempt(completion);
      round.add(made);
      round.journal.append(made);
    },
    onProgress: ({ finished, newTokens, promptTokens, share }) =>
      reporter.progress({
        stage: roundName(name, samples),
        done: total - open.length + finished,
        total,
        unit: samples.length === 1 ? "rows" : "samples",
        tokens: newTokens + promptTokens,
        share,
      }),
  });
}

function roundName(stage: string, samples: readonly number[]): string {
  const [first = 0, ...more] = samples;
  const last = more.at(-1);
  if (last !== undefined) return `${stage}, samples ${first + 1} to ${last + 1}`;
  return first === 0 ? stage : `${stage}, attempt ${first + 1}`;
}

/** A rewrite repeats much of the original answer: what the engine drafts from. */
function originalTokens(renderer: PromptRenderer, { response }: TextExample): number[] | undefined {
  if (response === null) return undefined;
  return renderer.pieceTokens([{ kind: "text", text: response }, { kind: "end" }]);
}

function samplingOf(sampling: Sampling, sample: number): Sampling {
  return sample > 0 && sampling.temperature === 0
    ? { ...sampling, temperature: retryTemperature, topP: 0.95 }
    : sampling;
}

function toAttempt(completion: Completion): Attempt {
  const { id, sample, text, finish, tokens } = completion;
  return { id, sample, text, finish, tokens: tokens.length };
}

/**
 * A missing reference answer is found now, and not after hours of generating. Those that the task's check can't read are returned: their
 * rows keep the original. Where it can read none, the examples are another task's, which is an error.
 */
export function checkReferences(
  examples: readonly TextExample[],
  task: Task | null,
  rules: readonly RuleSetting[],
): readonly RowFault[] {
  const rewrites = examples.map(({ id }) => ({ id, sample: 0, text: "?", finish: null }));
  const asked = bindRules(rules).filter(({ name }) => name === "wrong-answer");
  select(examples, rewrites, { task, rules: ruleSettings(asked) });
  if (task === null || !task.checkFilters || asked.length === 0) return [];
  const answers = examples.map(({ id, response }) => ({ id, label: response, output: "?" }));
  return scoreAnswers(task, answers).faults;
}

/** For people: what becomes of a row whose reference answer can't be read. */
export function keptOriginalSentence({ id, reason }: RowFault): string {
  return `Row ${id} keeps its original answer, since no rewrite can be checked against it: ${reason}`;
}

function checkJob(engine: Engine, job: DistillJob): void {
  if (job.examples.length === 0) {
    throw new InputError("empty_data", "Expected at least one example to distil but the data set is empty.");
  }
  for (const fault of checkReferences(job.examples, job.task, job.rules))
    job.reporter?.warn(keptOriginalSentence(fault));
  const renderer = scoringRenderer(job);
  if (renderer !== null) expectScorable(engine, renderer, job.examples);
}

/** The ordinary template; null where nothing goes by log-probabilities. */
function scoringRenderer({ rules, choose = "first", ordinary }: DistillJob): PromptRenderer | null {
  if (!evidenceNeeds(bindRules(rules), choose).has("logprob")) return null;
  if (ordinary === undefined)
    throw new SdftError("missing_renderer", "Expected the ordinary template for log-probabilities but received none.");
  return ordinary;
}

const attemptSchema = z.object({
  id: z.string(),
  sample: z.number(),
  text: z.string(),
  finish: z.enum(["stop", "length"]),
  tokens: z.number(),
});

export function parseAttempt(value: unknown): Attempt | null {
  const parsed = attemptSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
