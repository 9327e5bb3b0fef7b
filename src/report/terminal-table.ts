// The run's result for a terminal: the table, the yield, and what each training changed on the same rows.
import Table from "cli-table3";
import type { RunSummary } from "./run-summary.js";
import {
  columnTitle,
  comparisonSentence,
  findScore,
  measureLines,
  rate,
  reasonText,
  variantTitles,
  yieldSentence,
} from "./wording.js";

/** Plain text, or with the given emphasis for headings. */
export function terminalReport(summary: RunSummary, bold: (text: string) => string = (text) => text): string {
  const parts = [bold(summary.name), resultTable(summary)];
  if (summary.yield !== null) {
    parts.push(bold("Rewrites"), yieldLines(summary).join("\n"));
  }
  if (summary.comparisons.length > 0) {
    parts.push(
      bold("Against the seed model, on the same rows (McNemar's exact test)"),
      comparisonLines(summary).join("\n"),
    );
  }
  const measures = measureLines(summary);
  if (measures.length > 0) parts.push(bold("Beside the answers"), measures.map((line) => `  ${line}`).join("\n"));
  return `${parts.join("\n")}\n`;
}

function resultTable(summary: RunSummary): string {
  const table = new Table({
    head: ["", ...summary.tasks.map((task) => columnTitle(summary, task))],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const variant of summary.variants) {
    const cells = summary.tasks.map((task) => {
      const score = findScore(summary, variant, task);
      return score === undefined ? "–" : rate(score);
    });
    table.push([variantTitles[variant], ...cells]);
  }
  return `${table.toString()}\n95 % intervals (Wilson) in brackets.`;
}

function yieldLines(summary: RunSummary): string[] {
  if (summary.yield === null) return [];
  const width = Math.max(0, ...summary.yield.reasons.map(({ count }) => String(count).length));
  const reasons = summary.yield.reasons.map(
    ({ reason, count }) => `  ${String(count).padStart(width)}  ${reasonText(reason)}`,
  );
  return [
    `${yieldSentence(summary.yield)}${reasons.length > 0 ? "; the original answer stands for the others:" : "."}`,
    ...reasons,
  ];
}

function comparisonLines(summary: RunSummary): string[] {
  const label = (task: string, variant: string): string => `${task}, ${variant}`;
  const width = Math.max(...summary.comparisons.map(({ task, variant }) => label(task, variant).length));
  return summary.comparisons.map(
    (comparison) => `  ${label(comparison.task, comparison.variant).padEnd(width)}  ${comparisonSentence(comparison)}`,
  );
}
