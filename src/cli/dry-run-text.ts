// A study's plan for a terminal: a row for each cell, what is left to do, and where the numbers come from.
import Table from "cli-table3";
import type { DryRun, PlannedCell, PlannedStage } from "../experiment/dry-run.js";
import type { Study } from "../experiment/study-schema.js";
import { formatDuration } from "./terminal.js";

export function dryRunText(study: Study, plan: DryRun, bold: (text: string) => string): string {
  const { name, label } = study.settings;
  const lines = ["", bold(label === null ? name : `${name} [${label}]`)];
  if (plan.cells.length > 0) lines.push(planTable(plan));
  lines.push(...missingLines(plan));
  for (const fetch of plan.fetches) lines.push(`to be fetched: ${fetch}`);
  if (plan.cells.length > 0) lines.push(...totals(plan));
  else lines.push("Tokens and time are counted once it is here.");
  return `${lines.join("\n")}\n`;
}

/** Each reason once, with what it empties. */
function missingLines({ missing }: DryRun): string[] {
  const whats = new Map<string, string[]>();
  for (const { cell, what, reason } of missing) {
    const name = what === "training" ? `the training of ${cell}` : what;
    whats.set(reason, [...new Set([...(whats.get(reason) ?? []), name])]);
  }
  return [...whats].map(([reason, names]) => `missing: ${names.join(", ")} (${reason})`);
}

function planTable({ cells }: DryRun): string {
  const table = new Table({
    head: ["Cell", "Stage", "", "Rows", "Tokens", "New tokens, estimated", "Time"],
    colAligns: ["left", "left", "left", "right", "right", "right", "right"],
    style: { head: [], border: [] },
    // No lines between a cell's stages.
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const cell of cells) for (const row of cellRows(cell)) table.push(row);
  return table.toString();
}

function cellRows({ cell, stages }: PlannedCell): string[][] {
  return stages.map((stage, index) => [
    index === 0 ? cell : "",
    stage.name,
    stage.state,
    String(stage.rows),
    count(stage.tokens),
    stage.newTokens === 0 ? "" : count(stage.newTokens),
    timeOf(stage),
  ]);
}

function timeOf({ state, seconds }: PlannedStage): string {
  if (state === "done") return "";
  return seconds === null ? "unknown" : formatDuration(seconds);
}

function totals({ cells, speeds, seconds }: DryRun): string[] {
  const open = cells.flatMap(({ stages }) => stages).filter(({ state }) => state === "open");
  const tokens = open.reduce((sum, stage) => sum + stage.tokens + stage.newTokens, 0);
  const time = seconds === null ? "an unknown time" : `about ${formatDuration(seconds)}`;
  return [
    `${open.length} stages open, ${count(tokens)} tokens, ${time}. Prompts and targets are counted by the tokenizer; answers to come are taken as long as the task's in this folder, else as their references, else half the longest.`,
    ...Object.entries(speeds).map(
      ([work, { tokensPerSecond, source }]) =>
        `${wordOf(work)}: ${count(Math.round(tokensPerSecond))} tokens/s, from ${source}.`,
    ),
  ];
}

function wordOf(work: string): string {
  if (work === "train") return "Training";
  return work === "score" ? "Scoring" : "Generating";
}

/** 12,345 */
function count(value: number): string {
  return value.toLocaleString("en-US");
}
