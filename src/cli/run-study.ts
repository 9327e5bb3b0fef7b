// What `run` on a study and `reproduce` share: the study, its plan or its work, the table.
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Reporter } from "../base/reporter.js";
import { dryRunStudy } from "../experiment/dry-run.js";
import { runStudy, type StudyOutcome } from "../experiment/study-run.js";
import type { Study } from "../experiment/study-schema.js";
import { studyTerminal } from "../report/study/study-terminal.js";
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
  const { summary: _, ...document } = outcome;
  terminal.result({ label, ...document, report: join(folder, "report.html") }, outcomeText(outcome, terminal));
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

function outcomeText({ folder, seconds, summary, missing }: StudyOutcome, terminal: Terminal): string {
  const cells =
    missing.length === 0 ? "" : `${missing.length} ${missing.length === 1 ? "cell is" : "cells are"} missing. `;
  const report = pathToFileURL(join(folder, "report.html")).href;
  return `\n${studyTerminal(summary, terminal.color.bold)}\n${cells}Done in ${formatDuration(seconds)}. Report: ${report}\n`;
}
