// report.md: the same tables for a page or an issue.
import { stringify } from "yaml";
import type { Figure } from "./figure-files.js";
import type { RunSummary } from "./run-summary.js";
import {
  columnTitle,
  facts,
  findScore,
  measureLines,
  probability,
  rate,
  reasonText,
  variantTitles,
  yieldSentence,
} from "./wording.js";

export function markdownReport(summary: RunSummary, figures: readonly Figure[]): string {
  const sections = [
    `# ${escapeMarkdown(summary.name)}`,
    resultSection(summary),
    measureSection(summary),
    yieldSection(summary),
    comparisonSection(summary),
    figureSection(figures),
    factSection(summary),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function resultSection(summary: RunSummary): string {
  const rows = summary.variants.map((variant) => [
    variantTitles[variant],
    ...summary.tasks.map((task) => {
      const score = findScore(summary, variant, task);
      return score === undefined ? "–" : rate(score);
    }),
  ]);
  const head = ["Model", ...summary.tasks.map((task) => columnTitle(summary, task))];
  return `${markdownTable(head, rows)}\n\n95 % intervals (Wilson) in brackets.`;
}

function measureSection(summary: RunSummary): string {
  const lines = measureLines(summary).map((line) => `- ${escapeMarkdown(line)}`);
  return lines.length === 0 ? "" : `## Beside the answers\n\n${lines.join("\n")}`;
}

function yieldSection(summary: RunSummary): string {
  if (summary.yield === null) return "";
  const rows = summary.yield.reasons.map(({ reason, count }) => [reasonText(reason), String(count)]);
  const reasons = rows.length === 0 ? "" : `\n\n${markdownTable(["Why the original answer was kept", "Rows"], rows)}`;
  return `## Rewrites\n\n${yieldSentence(summary.yield)}.${reasons}`;
}

function comparisonSection(summary: RunSummary): string {
  if (summary.comparisons.length === 0) return "";
  const rows = summary.comparisons.map((one) => [
    one.task,
    variantTitles[one.variant],
    ...[one.retained, one.lost, one.gained, one.missed].map(String),
    probability(one.p),
  ]);
  const head = ["Task", "Model", "Retained", "Lost", "Gained", "Wrong both times", "p (McNemar)"];
  return `## Against the seed model, on the same rows\n\n${markdownTable(head, rows)}`;
}

function figureSection(figures: readonly Figure[]): string {
  if (figures.length === 0) return "";
  const images = figures.map(({ name, chart }) => `![${escapeMarkdown(chart.title)}](figures/${name}.svg)`);
  return `## Figures\n\n${images.join("\n\n")}`;
}

function factSection(summary: RunSummary): string {
  const lines = facts(summary).map(([label, value]) => `- ${label}: ${escapeMarkdown(value)}`);
  return `## How it was made\n\n${lines.join("\n")}\n\n\`\`\`yaml\n${stringify(summary.config)}\`\`\``;
}

/** A table whose cells are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [line(head), `|${head.map(() => " --- |").join("")}`, ...rows.map(line)].join("\n");
}

export function escapeMarkdown(text: string): string {
  return text.replace(/[|\\`*_<>[\]]/g, (character) => `\\${character}`).replaceAll("\n", " ");
}
