// Asks the judge about every pair of a model's output and the baseline's. Each answer is kept as it comes and found again by content, so
// nothing is asked, or paid for, twice.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { contentHash } from "../../base/content-hash.js";
import { InputError } from "../../base/error.js";
import { fnv1a64 } from "../../base/hash.js";
import { openJournal } from "../../base/journal.js";
import { type Reporter, silentReporter } from "../../base/reporter.js";
import { writeJsonLines } from "../../base/write-file.js";
import { costSentence, estimateCost, type JudgeCost } from "./cost.js";
import { askJudge } from "./endpoint.js";
import { type Choice, fillJudgePrompt, readChoice } from "./prompt.js";
import type { JudgeSettings } from "./settings.js";
import type { Order } from "./win-rate.js";

/** One pair to compare. */
export interface JudgeRow {
  readonly id: string;
  readonly instruction: string;
  readonly output: string;
  /** The baseline's answer. */
  readonly baseline: string;
}

/** A row of judgements.jsonl. */
export interface Judgement {
  readonly id: string;
  readonly order: Order;
  readonly choice: Choice;
  /** The judge's own words; null where the service answered something else. */
  readonly answer: string | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  /** Names the judge and the question. */
  readonly question: string;
}

export interface JudgeOptions {
  readonly settings: JudgeSettings;
  /** Gets judgements.jsonl; null keeps nothing. */
  readonly folder: string | null;
  /** For progress (`judge alpaca_eval`). */
  readonly stage?: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

export interface JudgeResult {
  /** For each row its questions' outcomes, in the order of the rows. */
  readonly verdicts: readonly (readonly Judgement[])[];
  /** Of what was asked now. */
  readonly cost: JudgeCost;
  /** `row (order)` of answers that state no verdict. */
  readonly unparsed: readonly string[];
}

interface Question {
  readonly row: JudgeRow;
  readonly order: Order;
  readonly text: string;
  readonly hash: string;
}

export async function judgeOutputs(rows: readonly JudgeRow[], options: JudgeOptions): Promise<JudgeResult> {
  const { settings, folder, reporter = silentReporter, stage = "judge", signal } = options;
  const questions = rows.flatMap((row) => ordersOf(row, settings).map((order) => makeQuestion(row, order, settings)));
  const known = await openJudgements(folder);
  const open = [...new Map(questions.filter(({ hash }) => !known.has(hash)).map((one) => [one.hash, one])).values()];
  const cost = estimateCost(
    open.map(({ text }) => text),
    settings.price,
  );
  if (open.length > 0) reporter.note(costSentence(settings.model, cost));
  let done = questions.length - open.length;
  const halt = new AbortController();
  const stop = signal === undefined ? halt.signal : AbortSignal.any([signal, halt.signal]);
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let question = open.shift(); question !== undefined && failures.length === 0; question = open.shift()) {
      try {
        known.add(await ask(question, settings, stop));
      } catch (error) {
        // The others would only add calls that are not wanted any more.
        failures.push(error);
        halt.abort();
        return;
      }
      done += 1;
      reporter.progress({ stage, done, total: questions.length, unit: "answers" });
    }
  };
  await Promise.all(Array.from({ length: settings.concurrency }, worker));
  if (failures.length > 0) throw failures[0];
  const judgements = questions.map((question) => known.get(question));
  await known.finish(judgements);
  const byId = new Map<string, Judgement[]>();
  for (const judgement of judgements) byId.set(judgement.id, [...(byId.get(judgement.id) ?? []), judgement]);
  const unparsed = judgements.filter(({ choice }) => choice === null).map(({ id, order }) => `${id} (${order})`);
  return { verdicts: rows.map(({ id }) => byId.get(id) ?? []), cost, unparsed };
}

/** One order alone is drawn by the id, so that no side is first more often than by chance. */
function ordersOf(row: JudgeRow, { bothOrders }: JudgeSettings): readonly Order[] {
  if (bothOrders) return ["model_first", "baseline_first"];
  return [fnv1a64(row.id) % 2n === 0n ? "model_first" : "baseline_first"];
}

function makeQuestion(row: JudgeRow, order: Order, { model, prompt }: JudgeSettings): Question {
  const [first, second] = order === "model_first" ? [row.output, row.baseline] : [row.baseline, row.output];
  const text = fillJudgePrompt(prompt, { instruction: row.instruction, first, second });
  return { row, order, text, hash: contentHash({ model, text }) };
}

async function ask(question: Question, settings: JudgeSettings, signal: AbortSignal): Promise<Judgement> {
  const { row, order, text, hash } = question;
  const reply = await askJudge(settings, text, { row: row.id, signal });
  return {
    id: row.id,
    order,
    choice: reply.text === null ? null : readChoice(reply.text),
    answer: reply.text,
    prompt_tokens: reply.promptTokens,
    completion_tokens: reply.completionTokens,
    question: hash,
  };
}

const judgementSchema = z.object({
  id: z.string(),
  order: z.enum(["model_first", "baseline_first"]),
  choice: z.enum(["first", "second", "tie"]).nullable(),
  answer: z.string().nullable(),
  prompt_tokens: z.number().nullable(),
  completion_tokens: z.number().nullable(),
  question: z.string(),
});

interface KnownJudgements {
  has(hash: string): boolean;
  get(question: Question): Judgement;
  add(judgement: Judgement): void;
  finish(rows: readonly Judgement[]): Promise<void>;
}

async function openJudgements(folder: string | null): Promise<KnownJudgements> {
  const parse = (value: unknown): Judgement | null => judgementSchema.safeParse(value).data ?? null;
  const journal =
    folder === null ? null : await openJournal(join(folder, "judgements.partial.jsonl"), "judgements", parse);
  const earlier = folder === null ? [] : await readJudgements(join(folder, "judgements.jsonl"));
  // Where the service said nothing at all it is asked again.
  const kept = [...earlier, ...(journal?.earlier ?? [])].filter(({ answer }) => answer !== null);
  const all = new Map(kept.map((one) => [one.question, one]));
  return {
    has: (hash) => all.has(hash),
    get: ({ row, order, hash }) => {
      const found = all.get(hash);
      if (found === undefined) throw new InputError("judge", `Row ${row.id} was not judged.`);
      // Found by content: another row may have asked the same.
      return { ...found, id: row.id, order };
    },
    add: (judgement) => {
      all.set(judgement.question, judgement);
      journal?.append(judgement);
    },
    finish: async (rows) => {
      if (folder !== null) await writeJsonLines(join(folder, "judgements.jsonl"), rows);
      await journal?.remove();
    },
  };
}

/** The rows of a judgements.jsonl; none where there is no such file. */
export async function readJudgements(path: string): Promise<Judgement[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return judgementSchema.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });
}
