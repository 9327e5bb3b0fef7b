// Many programs, a few at a time. Each distinct program runs once; its verdict is kept in the task's folder and found again by content.
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { contentHash } from "../../base/content-hash.js";
import { throwIfInterrupted } from "../../base/interrupted.js";
import { openJournal } from "../../base/journal.js";
import { type Reporter, silentReporter } from "../../base/reporter.js";
import { writeJson, writeJsonLines } from "../../base/write-file.js";
import { runProgram } from "./run-program.js";
import type { Sandbox } from "./sandbox.js";
import { outcomes, type Verdict } from "./verdict.js";

/** One program to run. */
export interface ProgramRow {
  readonly id: string;
  /** Which of several samples of the same id. */
  readonly sample: number;
  readonly program: string;
}

/** A row of verdicts.jsonl. */
export interface VerdictRow extends Verdict {
  readonly id: string;
  readonly sample: number;
  /** Names the program, its interpreter and its limits. */
  readonly program: string;
}

export interface GradeProgramsOptions {
  readonly sandbox: Sandbox;
  /** Gets verdicts.jsonl and sandbox.json; null keeps nothing. */
  readonly folder: string | null;
  /** Programs at a time; one for each processor where left out. */
  readonly parallel?: number;
  /** For progress (`run programs of humaneval`). */
  readonly stage?: string;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Verdicts in the order of the rows. Goes on where it was interrupted. */
export async function gradePrograms(
  rows: readonly ProgramRow[],
  options: GradeProgramsOptions,
): Promise<readonly VerdictRow[]> {
  const { sandbox, folder, reporter = silentReporter, stage = "run programs", signal } = options;
  const named = rows.map((row) => ({ ...row, hash: programHash(sandbox, row.program) }));
  const known = await openVerdicts(folder);
  const open = [
    ...new Map(named.filter(({ hash }) => !known.verdicts.has(hash)).map((row) => [row.hash, row])).values(),
  ];
  let done = named.length - open.length;
  const workers = Array.from({ length: options.parallel ?? availableParallelism() }, async () => {
    for (let row = open.shift(); row !== undefined; row = open.shift()) {
      throwIfInterrupted(signal, "Running programs was interrupted. Run the same command again to go on.");
      const verdict = await runProgram(sandbox, row.program, signal);
      known.add(row, verdict);
      done += 1;
      reporter.progress({ stage, done, total: named.length, unit: "programs" });
    }
  });
  await finishAll(workers);
  const verdicts = named.map(({ id, sample, hash }) => {
    const { outcome, detail } = known.verdicts.get(hash) ?? { outcome: "failed" as const, detail: null };
    return { id, sample, program: hash, outcome, detail };
  });
  await known.finish(verdicts, sandbox);
  return verdicts;
}

/** What a verdict depends on. */
function programHash({ python, limits }: Sandbox, program: string): string {
  return contentHash({ program, python: python.version, numpy: python.numpy, limits });
}

/** Waits for all, so that no program runs on after an error, then throws the first error. */
async function finishAll(workers: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(workers);
  const failed = settled.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

const rowSchema = z.object({
  id: z.string(),
  sample: z.number(),
  program: z.string(),
  outcome: z.enum(outcomes),
  detail: z.string().nullable(),
});

interface KnownVerdicts {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  add(row: { id: string; sample: number; hash: string }, verdict: Verdict): void;
  finish(rows: readonly VerdictRow[], sandbox: Sandbox): Promise<void>;
}

async function openVerdicts(folder: string | null): Promise<KnownVerdicts> {
  const verdicts = new Map<string, Verdict>();
  const parse = (value: unknown): VerdictRow | null => rowSchema.safeParse(value).data ?? null;
  const keep = ({ program, outcome, detail }: VerdictRow): void => {
    verdicts.set(program, { outcome, detail });
  };
  if (folder === null) {
    const add: KnownVerdicts["add"] = ({ hash }, verdict) => verdicts.set(hash, verdict);
    return { verdicts, add, finish: async () => undefined };
  }
  for (const row of await readVerdicts(join(folder, "verdicts.jsonl"))) keep(row);
  const journal = await openJournal(join(folder, "verdicts.partial.jsonl"), "verdicts", parse);
  for (const row of journal.earlier) keep(row);
  return {
    verdicts,
    add: ({ id, sample, hash }, verdict) => {
      const row = { id, sample, program: hash, ...verdict };
      keep(row);
      journal.append(row);
    },
    finish: async (rows, { method, python, limits, groups }) => {
      await writeJsonLines(join(folder, "verdicts.jsonl"), rows);
      const { version, numpy } = python;
      await writeJson(join(folder, "sandbox.json"), {
        method,
        python: version,
        numpy,
        limits,
        control_group: groups !== null,
      });
      await journal.remove();
    },
  };
}

/** The rows of a verdicts.jsonl; none where there is no such file. */
export async function readVerdicts(path: string): Promise<VerdictRow[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return rowSchema.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });
}
