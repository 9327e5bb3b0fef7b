// Rewrites that several runs share, by row: a store's folder is named for everything a rewrite depends on but the row itself, so a row that is there is done.
// A larger sample or mix ratio distils only the rows that are missing.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../base/error.js";
import { writeJsonLines } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { distill } from "../distill/distill.js";
import { readDistilled } from "../distill/distilled-file.js";
import { type RuleName, ruleNames } from "../distill/rules/registry.js";
import { reportYield } from "../distill/verdict.js";
import { writeSelection } from "../distill/write-selection.js";
import { isRecord } from "../formats/json.js";
import { countYield } from "../report/run-summary.js";
import { yieldSentence } from "../report/wording.js";
import type { PreparedTraining } from "./prepare.js";
import { distillJob, type StageContext } from "./stages.js";

/** Files of a finished distillation whose rows have ids. */
const rowFiles = ["rewrites.jsonl", "verdicts.jsonl", "distilled.jsonl"] as const;

/** Distils what the store does not have yet. Goes on where it was interrupted. */
export async function fillStore(
  folder: string,
  context: Omit<StageContext, "folder" | "ledger">,
  work: { readonly training: PreparedTraining; readonly examples: readonly TextExample[] },
): Promise<{ readonly distilled: number }> {
  const done = await storedIds(folder);
  const open = work.examples.filter(({ id }) => !done.has(id));
  if (open.length === 0) return { distilled: 0 };
  const part = join(folder, "open");
  const job = distillJob({ ...context, folder: part }, work.training, open);
  const { rows } = await distill(context.session.engine, job);
  // distilled.jsonl comes last: its rows say what is done.
  for (const name of rowFiles) {
    const added = await readLines(join(part, "sdft", name));
    const fresh = new Set(added.map(({ id }) => id));
    const before = (await readLines(join(folder, name))).filter(({ id }) => !fresh.has(id));
    await writeJsonLines(
      join(folder, name),
      [...before, ...added].map(({ row }) => row),
    );
  }
  await rm(part, { recursive: true, force: true });
  context.reporter.finish(`${context.label ?? ""}Distilled: ${yieldSentence(countYield(rows))}.`);
  return { distilled: open.length };
}

/** Ids of the rows that are there. */
export async function storedIds(folder: string): Promise<Set<string>> {
  return new Set((await readLines(join(folder, "distilled.jsonl"))).map(({ id }) => id));
}

/** Writes the rows of these examples into a run folder as a distillation of its own would have. */
export async function copyFromStore(
  folder: string,
  run: { readonly folder: string; readonly training: PreparedTraining; readonly examples: readonly TextExample[] },
): Promise<void> {
  const target = join(run.folder, "sdft");
  const place = new Map(run.examples.map(({ id }, index) => [id, index]));
  const take = async (name: (typeof rowFiles)[number]): Promise<Line[]> => {
    const lines = (await readLines(join(folder, name))).filter(({ id }) => place.has(id));
    return lines.sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  };
  const rewrites = (await take("rewrites.jsonl")).map(({ row }) => row);
  await writeJsonLines(join(target, "rewrites.jsonl"), rewrites);
  const stored = new Map((await readDistilled(join(folder, "distilled.jsonl"))).map((row) => [row.id, row]));
  const rows = run.examples.flatMap(({ id }) => stored.get(id) ?? []);
  const verdicts = (await take("verdicts.jsonl")).flatMap(({ row }) => verdictSchema.safeParse(row).data ?? []);
  const most = rewrites.reduce((highest, { sample }) => Math.max(highest, Number(sample) + 1), 0);
  const report = reportYield(rows, verdicts, { total: rewrites.length, most });
  const name = `distilled_${run.training.dataset}`;
  await writeSelection({ rows, verdicts, report }, { folder: target, name, originals: run.examples });
}

/** A row of verdicts.jsonl. */
const verdictSchema = z.object({
  id: z.string(),
  sample: z.number(),
  rule: z.enum(ruleNames as readonly [RuleName, ...RuleName[]]).nullable(),
  value: z.number().nullable(),
  detail: z.string().nullable(),
  logprob: z.number().nullable(),
  chosen: z.boolean(),
});

interface Line {
  readonly id: string;
  readonly row: Readonly<Record<string, unknown>>;
}

async function readLines(path: string): Promise<Line[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, index) => {
      const row = parseLine(line);
      if (row === null || typeof row.id !== "string") {
        throw new InputError(
          "distilled_damaged",
          `Line ${index + 1} of ${path} is not a row with an id; remove the folder and its rows are distilled again.`,
        );
      }
      return { id: row.id, row };
    });
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}
