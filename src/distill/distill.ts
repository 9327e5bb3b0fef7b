// The distilling stage: the seed model rewrites each response, greedily or at most k times until a rewrite passes; every attempt
// goes to a journal as it comes, so an interrupted stage goes on where it stopped.
import { join } from "node:path";
import { z } from "zod";
import { contentHash } from "../base/content-hash.js";
import { InputError } from "../base/error.js";
import { type Journal, openJournal } from "../base/journal.js";
import { type Reporter, silentReporter } from "../base/reporter.js";
import { writeJsonLines, writeWholeFile } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import type { AdapterHandle, Engine } from "../engine/engine.js";
import type { Completion } from "../engine/generate.js";
import type { Sampling } from "../engine/sampling.js";
import type { DraftMode } from "../native/types.js";
import type { Task } from "../tasks/task.js";
import type { PromptRenderer } from "../templates/render.js";
import { alpacaFiles } from "./alpaca-file.js";
import type { RuleName } from "./rules/registry.js";
import { type Rewrite, type Selection, select } from "./select.js";

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
  readonly sampling: Sampling;
  /** Most attempts for a row; the first that passes is taken. */
  readonly attempts: number;
  /** Null or left out: the base model. */
  readonly adapter?: AdapterHandle | null;
  /** Null for data that belongs to none. */
  readonly task: Task | null;
  readonly rules: readonly RuleName[];
  /** What the rewrites are called in files for other trainers. */
  readonly name: string;
  /** Gets distilled.jsonl, rewrites.jsonl, <name>.json and dataset_info.json. */
  readonly folder: string;
  /** Whether to draft from the original answers: where it is faster (`auto`, also where left out), never or always. Rewrites are the same. */
  readonly drafts?: DraftMode | undefined;
  readonly stage?: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Temperature of the attempts after the first, where the first is greedy. */
const retryTemperature = 0.8;

/** What the stage's files depend on: prompts, weights, sampling, rules. */
export function distillHash(engine: Engine, job: DistillJob): string {
  return contentHash({
    stage: "distill",
    engine: engine.fingerprint,
    adapter: engine.hashAdapter(job.adapter ?? null),
    task: job.task?.name ?? null,
    rules: job.rules,
    sampling: job.sampling,
    attempts: job.attempts,
    stopTokens: job.renderer.stopTokens,
    rows: job.examples.map((example) => [example.id, job.renderer.promptTokens(example), example.response]),
  });
}

/** Generates, selects and writes. */
export async function distill(engine: Engine, job: DistillJob): Promise<Selection> {
  checkJob(job);
  const journal = await openJournal(join(job.folder, "rewrites.partial.jsonl"), distillHash(engine, job), parseAttempt);
  const attempts = new Map<string, Attempt[]>();
  const add = (made: Attempt): void => {
    attempts.set(made.id, [...(attempts.get(made.id) ?? []), made]);
  };
  for (const made of journal.earlier) add(made);
  for (let sample = 0; sample < job.attempts; ++sample) {
    const open = job.examples.filter((example) => isOpen(example, attempts.get(example.id) ?? [], { job, sample }));
    await attemptAll(engine, { job, open, sample, journal, add });
  }
  const all = job.examples.flatMap((example) =>
    [...(attempts.get(example.id) ?? [])].sort((a, b) => a.sample - b.sample),
  );
  const selection = select(job.examples, all, job.task, job.rules);
  await writeSelection(selection, { folder: job.folder, name: job.name, originals: job.examples });
  await writeJsonLines(join(job.folder, "rewrites.jsonl"), all);
  await journal.remove();
  return selection;
}

/** distilled.jsonl, and the same as an alpaca JSON with its dataset_info.json. */
export async function writeSelection(
  selection: Selection,
  to: { readonly folder: string; readonly name: string; readonly originals: readonly TextExample[] },
): Promise<void> {
  await writeJsonLines(join(to.folder, "distilled.jsonl"), selection.rows);
  const files = alpacaFiles(to.name, selection.rows, to.originals);
  await writeWholeFile(join(to.folder, files.dataName), files.data);
  await writeWholeFile(join(to.folder, "dataset_info.json"), files.info);
}

/** Whether the row still needs attempt `sample`: it was not made yet, and none before it passed. */
function isOpen(example: TextExample, made: readonly Attempt[], at: { job: DistillJob; sample: number }): boolean {
  if (made.some((one) => one.sample === at.sample)) return false;
  if (made.length === 0) return true;
  return select([example], made, at.job.task, at.job.rules).report.kept === 0;
}

interface Round {
  readonly job: DistillJob;
  readonly open: readonly TextExample[];
  readonly sample: number;
  readonly journal: Journal<Attempt>;
  readonly add: (made: Attempt) => void;
}

async function attemptAll(engine: Engine, round: Round): Promise<void> {
  const { job, open, sample } = round;
  const reporter = job.reporter ?? silentReporter;
  const name = job.stage ?? "distil";
  const prompts = open.map((example) => ({
    id: example.id,
    tokens: job.renderer.promptTokens(example),
    sample,
    draft: originalTokens(job.renderer, example),
  }));
  await engine.generate(prompts, samplingOf(job.sampling, sample), {
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
        stage: sample === 0 ? name : `${name}, attempt ${sample + 1}`,
        done: job.examples.length - open.length + finished,
        total: job.examples.length,
        unit: "rows",
        tokens: newTokens + promptTokens,
        share,
      }),
  });
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

/** A missing or malformed reference answer is found now, and not after hours of generating. */
export function checkReferences(examples: readonly TextExample[], task: Task | null, rules: readonly RuleName[]): void {
  const rewrites = examples.map(({ id }) => ({ id, sample: 0, text: "?", finish: null }));
  select(examples, rewrites, task, rules);
}

function checkJob(job: DistillJob): void {
  if (job.examples.length === 0) {
    throw new InputError("empty_data", "Expected at least one example to distil but the data set is empty.");
  }
  checkReferences(job.examples, job.task, job.rules);
}

const attemptSchema = z.object({
  id: z.string(),
  sample: z.number(),
  text: z.string(),
  finish: z.enum(["stop", "length"]),
  tokens: z.number(),
});

function parseAttempt(value: unknown): Attempt | null {
  const parsed = attemptSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
