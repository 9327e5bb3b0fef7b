// What `run` on a study and `reproduce` share: the study, its plan or its work, the table.
import process from "node:process";
import Table from "cli-table3";
import type { Reporter } from "../base/reporter.js";
import { dryRunStudy } from "../experiment/dry-run.js";
import type { MissingScore } from "../experiment/study-files.js";
import { describeCell } from "../experiment/study-names.js";
import { runStudy, type StudyOutcome } from "../experiment/study-run.js";
import type { Study } from "../experiment/study-schema.js";
import { dryRunText } from "./dry-run-text.js";
import type { CommandContext } from "./run-command.js";
import { formatDuration, type Terminal } from "./terminal.js";

export interface StudyChoice {
  /** Shows the plan and does nothing. */
  readonly dryRun: boolean;
}

export interface StudyWork extends StudyChoice {
  readonly study: Study;
  readonly folder: string;
}

/** Exit status 1 where a cell is missing. */
export async function runStudyWork({ study, folder, dryRun }: StudyWork, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const { label } = study.settings;
  const reporter = labelled(terminal, label);
  if (dryRun) {
    const plan = await dryRunStudy(study, folder, reporter);
    terminal.result({ label, folder, ...plan }, dryRunText(study, plan, terminal.color.bold));
    return;
  }
  const outcome = await runStudy({ study, folder, reporter, signal });
  terminal.result({ label, ...outcome }, outcomeText(study, outcome, terminal));
  if (outcome.missing.length > 0) process.exitCode = 1;
}

/** Every sentence says what kind of study it is. */
function labelled(terminal: Terminal, label: string | null): Reporter {
  if (label === null) return terminal;
  const mark = (sentence: string): string => `${label} · ${sentence}`;
  return {
    progress: (progress) => terminal.progress({ ...progress, stage: mark(progress.stage) }),
    finish: (sentence) => terminal.finish(mark(sentence)),
    note: (sentence) => terminal.note(mark(sentence)),
    warn: (sentence) => terminal.warn(mark(sentence)),
  };
}

function outcomeText(study: Study, outcome: StudyOutcome, terminal: Terminal): string {
  const { label, name } = study.settings;
  const columns = [...new Set([...outcome.scores, ...outcome.missing].map(({ task, metric }) => `${task} ${metric}`))];
  const rows = new Map<string, Map<string, string>>();
  const put = (row: Parameters<typeof describeCell>[0], column: string, text: string): void => {
    const cell = describeCell(row);
    rows.set(cell, (rows.get(cell) ?? new Map<string, string>()).set(column, text));
  };
  for (const score of outcome.scores) put(score, `${score.task} ${score.metric}`, (100 * score.value).toFixed(1));
  for (const row of outcome.missing) put(row, `${row.task} ${row.metric}`, "missing");
  const table = new Table({ head: ["", ...columns], style: { head: [], border: [] }, wordWrap: true });
  for (const [cell, values] of rows) table.push([cell, ...columns.map((column) => values.get(column) ?? "–")]);
  return [
    "",
    terminal.color.bold(label === null ? name : `${name} [${label}]`),
    table.toString(),
    ...missingLines(outcome.missing),
    `Done in ${formatDuration(outcome.seconds)}. Folder: ${outcome.folder}`,
    "",
  ].join("\n");
}

/** Each reason once, with how many cells it empties. */
function missingLines(missing: readonly MissingScore[]): string[] {
  const counts = new Map<string, number>();
  for (const { reason } of missing) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `missing (${reason}) in ${count} ${count === 1 ? "cell" : "cells"}`);
}
