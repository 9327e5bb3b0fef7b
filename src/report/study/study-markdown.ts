// A study's report.md: its tables with the paper's numbers, what changed on the same rows, yields and settings.
import { stringify } from "yaml";
import { escapeMarkdown, markdownTable } from "../markdown.js";
import { percent, probability, reasonText, yieldSentence } from "../wording.js";
import { cellLine, headText, tableNotes } from "./cell-text.js";
import type { FigureFile } from "./figure-series.js";
import { writeNumber } from "./metric-wording.js";
import { comparisonSubject } from "./study-comparisons.js";
import { labelled, type StudySummary } from "./study-summary.js";
import type { StudyTable } from "./study-table.js";
import { withinSentence } from "./study-yields.js";

export function studyMarkdown(summary: StudySummary, figures: readonly FigureFile[]): string {
  const { study } = summary;
  const sections = [
    `# ${escapeMarkdown(labelled(study, study.name))}`,
    escapeMarkdown(`Model: ${study.model}. ${missingSentence(summary.missingCells)}`),
    ...summary.tables.map((table) => tableSection(labelled(study, table.title), table)),
    figureSection(summary, figures),
    verdictSection(summary),
    valueSection(summary),
    yieldSection(summary),
    `## ${escapeMarkdown(labelled(study, "settings"))}\n\n\`\`\`yaml\n${stringify(study.config)}\`\`\``,
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

/** `Every cell has its number.` */
export function missingSentence(cells: number): string {
  if (cells === 0) return "Every cell has its number.";
  return cells === 1 ? "One cell is missing." : `${cells} cells are missing.`;
}

function tableSection(title: string, table: StudyTable): string {
  const rows = table.rows.map(({ labels, cells }) => [
    ...labels,
    ...cells.flatMap((cell, index) => {
      const column = table.columns[index];
      return column === undefined ? [] : [cellLine(cell, column)];
    }),
  ]);
  const head = [...table.labelHeads, ...table.columns.map(headText)];
  const notes = [...tableNotes(table), ...table.footnotes.map((text, index) => `Note ${index + 1}: ${text}`)];
  return [`## ${escapeMarkdown(title)}`, markdownTable(head, rows), ...notes.map(escapeMarkdown)].join("\n\n");
}

function figureSection({ study }: StudySummary, figures: readonly FigureFile[]): string {
  if (figures.length === 0) return "";
  const list = figures.map(({ file, title }) => `![${escapeMarkdown(title)}](${file})`);
  return [`## ${escapeMarkdown(labelled(study, "figures"))}`, ...list].join("\n\n");
}

function verdictSection({ study, comparisons: { verdicts } }: StudySummary): string {
  if (verdicts.length === 0) return "";
  const rows = verdicts.map((one) => [
    comparisonSubject(one),
    one.before,
    one.after,
    ...[one.n, one.retained, one.lost, one.gained, one.missed].map(String),
    probability(one.p),
  ]);
  const head = ["Test", "From", "To", "n", "Retained", "Lost", "Gained", "Wrong both times", "p (McNemar, exact)"];
  return `## ${escapeMarkdown(labelled(study, "what changed on the same rows"))}\n\n${markdownTable(head, rows)}\n\n${manyTests(verdicts.length)}`;
}

/** A warning that belongs under every list of many tests. */
export function manyTests(count: number): string {
  return `p values are not corrected for their number (${count}).`;
}

function valueSection({ study, comparisons: { values } }: StudySummary): string {
  if (values.length === 0) return "";
  const rows = values.map((one) => [
    comparisonSubject(one),
    one.before,
    one.after,
    String(one.n),
    `${writeSigned(one.difference)} [${writeSigned(one.low)}, ${writeSigned(one.high)}]`,
  ]);
  const head = ["Measure", "From", "To", "n", "Mean change [95 %, paired bootstrap]"];
  return `## ${escapeMarkdown(labelled(study, "distance from the seed, row by row"))}\n\n${markdownTable(head, rows)}`;
}

/** `+0.013`, `−0.200`. */
export function writeSigned(value: number): string {
  return `${value < 0 ? "−" : "+"}${writeNumber(Math.abs(value), "share")}`;
}

function yieldSection({ study, yields }: StudySummary): string {
  if (yields.length === 0) return "";
  const rows = yields.map(({ title, counts, within }) => [
    title,
    within === null ? yieldSentence(counts) : `${yieldSentence(counts)}. ${withinSentence(within)}`,
    counts.reasons
      .map(({ reason, count }) => `${count} ${reasonText(reason)} (${percent(count / Math.max(1, counts.total))} %)`)
      .join("; "),
  ]);
  return `## ${escapeMarkdown(labelled(study, "rewrites"))}\n\n${markdownTable(["Training", "Kept", "Why the original answer was kept"], rows)}`;
}
