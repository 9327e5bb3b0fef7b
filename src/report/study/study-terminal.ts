// A study's tables as text for a terminal, as `reproduce` and `report` print them.
import Table from "cli-table3";
import { probability } from "../wording.js";
import { cellText, headText, tableNotes } from "./cell-text.js";
import { comparisonSubject, type VerdictComparison } from "./study-comparisons.js";
import { manyTests, missingSentence } from "./study-markdown.js";
import { labelled, type StudySummary } from "./study-summary.js";
import type { StudyTable } from "./study-table.js";

/** Plain text, or with the given emphasis for headings. */
export function studyTerminal(summary: StudySummary, bold: (text: string) => string = (text) => text): string {
  const { study, tables, comparisons } = summary;
  const parts = [`${bold(labelled(study, study.name))} (${study.model})`];
  for (const table of tables) parts.push(bold(labelled(study, table.title)), tableText(table));
  if (comparisons.verdicts.length > 0) {
    parts.push(
      bold(labelled(study, "what changed on the same rows (McNemar's exact test)")),
      ...comparisonLines(shownComparisons(comparisons.verdicts)),
      ...countedComparisons(comparisons.verdicts),
      manyTests(comparisons.verdicts.length),
    );
  }
  parts.push(missingSentence(summary.missingCells));
  return `${parts.join("\n")}\n`;
}

/** One table with its notes. */
export function tableText(table: StudyTable): string {
  const drawn = new Table({
    head: [...table.labelHeads, ...table.columns.map((column) => headText(column).replace(", n =", "\nn ="))],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const { labels, cells } of table.rows) {
    drawn.push([
      ...labels,
      ...cells.map((cell, index) => {
        const column = table.columns[index];
        if (column === undefined) return "";
        const { value, spread, n, paper } = cellText(cell, column);
        const marks = paper === null ? "" : cell.marks.map((mark) => ` (${mark})`).join("");
        const lines = [value, spread, n, paper === null ? null : `${paper}${marks}`];
        return lines.filter((line) => line !== null).join("\n");
      }),
    ]);
  }
  const notes = [...tableNotes(table), ...table.footnotes.map((text, index) => `(${index + 1}) ${text}`)];
  return [drawn.toString(), ...notes].join("\n");
}

/** More than so many are counted, and those that chance explains badly are shown. */
const mostLines = 12;
const unlikely = 0.05;

function shownComparisons(verdicts: readonly VerdictComparison[]): readonly VerdictComparison[] {
  return verdicts.length <= mostLines ? verdicts : verdicts.filter(({ p }) => p < unlikely);
}

/** `108 comparisons: more gained than lost in 40, …; all of them are in report.md.` */
function countedComparisons(verdicts: readonly VerdictComparison[]): string[] {
  if (verdicts.length <= mostLines) return [];
  const count = (holds: (one: VerdictComparison) => boolean): number => verdicts.filter(holds).length;
  const [up, down] = [count((one) => one.gained > one.lost), count((one) => one.gained < one.lost)];
  const shown = shownComparisons(verdicts).length;
  return [
    `${verdicts.length} comparisons: more gained than lost in ${up}, more lost than gained in ${down}, as many in ${verdicts.length - up - down}. ${shown === 0 ? "None has" : `Shown ${shown === 1 ? "is the one" : `are the ${shown}`} with`} p < ${unlikely}; all are in report.md.`,
  ];
}

function comparisonLines(verdicts: readonly VerdictComparison[]): string[] {
  const names = verdicts.map((one) => `${comparisonSubject(one)}: ${one.before} → ${one.after}`);
  const width = Math.max(...names.map((name) => name.length));
  return verdicts.map(
    (one, index) =>
      `  ${(names[index] ?? "").padEnd(width)}  n ${one.n}, retained ${one.retained}, lost ${one.lost}, gained ${one.gained}, p = ${probability(one.p)}`,
  );
}
