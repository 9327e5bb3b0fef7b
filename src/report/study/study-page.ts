// A study's report.html: tables with the paper's numbers, figures, what changed on the same rows, and every example. One file, no request.
import { stringify } from "yaml";
import type { Drawn } from "../figure-files.js";
import { html, Markup } from "../html-text.js";
import { pageFrame } from "../page-frame.js";
import { published } from "../paper/registry.js";
import { probability, reasonText, yieldSentence } from "../wording.js";
import { cellText, headText, tableNotes } from "./cell-text.js";
import type { FigureKind, StudyFigure } from "./figure-series.js";
import { studyAudit } from "./study-audit.js";
import { comparisonSubject } from "./study-comparisons.js";
import { manyTests, missingSentence, writeSigned } from "./study-markdown.js";
import { labelled, type StudySummary } from "./study-summary.js";
import type { StudyCell, StudyColumn, StudyTable } from "./study-table.js";
import { withinSentence } from "./study-yields.js";

export function studyPage(summary: StudySummary, figures: readonly Drawn<StudyFigure>[]): string {
  const { study } = summary;
  const title = labelled(study, study.name);
  const body = [
    html`<h1>${study.label === null ? "" : badge(study.label)}${study.name}</h1><p class="lead">${study.model}. ${missingSentence(summary.missingCells)}</p>`,
    ...summary.tables.map((table) => tableSection(summary, table)),
    figureSection(summary, figures),
    verdictSection(summary),
    valueSection(summary),
    yieldSection(summary),
    rowSection(summary),
    html`<h2>${heading(summary, "Settings")}</h2><details class="card"><summary>study.yaml</summary><pre class="config">${stringify(study.config)}</pre></details>`,
  ];
  return pageFrame(title, body);
}

function heading({ study }: StudySummary, text: string): Markup {
  return html`${study.label === null ? "" : badge(study.label)}${text}`;
}

function badge(label: string): Markup {
  return html`<span class="label">${label}</span> `;
}

function tableSection(summary: StudySummary, table: StudyTable): Markup {
  const heads = [
    ...table.labelHeads.map((title) => html`<th scope="col">${title}</th>`),
    ...table.columns.map((column) => html`<th scope="col">${headText(column)}</th>`),
  ];
  const rows = table.rows.map(({ labels, cells }) => {
    const names = labels.map((label, index) =>
      index === 0 ? html`<th scope="row">${label}</th>` : html`<td>${label}</td>`,
    );
    const numbers = cells.map((cell, index) => tableCell(cell, table.columns[index]));
    return html`<tr>${names}${numbers}</tr>`;
  });
  const notes = tableNotes(table).map((note) => html`<p class="note">${note}</p>`);
  const footnotes = table.footnotes.map((text, index) => html`<p class="note"><sup>${index + 1}</sup> ${text}</p>`);
  return html`<h2>${heading(summary, table.title)}</h2><div class="card"><table class="scores"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table></div>${notes}${footnotes}`;
}

function tableCell(cell: StudyCell, column: StudyColumn | undefined): Markup {
  if (column === undefined) return html`<td></td>`;
  const { value, spread, n, paper } = cellText(cell, column);
  const ours = cell.score === null ? html`<span class="gone">${value}</span>` : html`<strong>${value}</strong>`;
  const small = [spread, n].filter((part) => part !== null).join(" ");
  const marks = cell.marks.map((mark) => html`<sup>${mark}</sup>`);
  const beside =
    paper === null ? html`` : html`<small class="paper" title="${cell.paper?.place}">${paper}${marks}</small>`;
  return html`<td>${ours} ${small === "" ? "" : html`<small>${small}</small>`}${beside}</td>`;
}

function figureSection(summary: StudySummary, figures: readonly Drawn<StudyFigure>[]): Markup {
  if (figures.length === 0) return html``;
  const kinds = [...new Set(figures.map(({ kind }) => kind))];
  const groups = kinds.map((kind) => {
    const cards = figures
      .filter((one) => one.kind === kind)
      .map(({ svg }) => html`<figure class="card">${new Markup(svg)}</figure>`);
    return html`<h3>${figureHeading(kind)}</h3><div class="grid2">${cards}</div>`;
  });
  return html`<h2>${heading(summary, "Figures")}</h2>${groups}`;
}

/** `Performance by mix ratio (the paper's Figure 7)`. */
function figureHeading(kind: FigureKind): string {
  const theirs = Object.values(published).find((one) => one.kind === "figure" && one.shows === kind);
  const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  return theirs === undefined ? name : `${name} (as the paper's ${theirs.name})`;
}

function verdictSection(summary: StudySummary): Markup {
  const { verdicts } = summary.comparisons;
  if (verdicts.length === 0) return html``;
  const rows = verdicts.map(
    (one) =>
      html`<tr><td>${comparisonSubject(one)}</td><td>${one.before}</td><td>${one.after}</td><td>${one.n}</td><td>${one.retained}</td><td>${one.lost}</td><td>${one.gained}</td><td>${one.missed}</td><td>${probability(one.p)}</td></tr>`,
  );
  return html`<h2>${heading(summary, "What changed on the same rows")}</h2><div class="card"><table><thead><tr><th>Test</th><th>From</th><th>To</th><th>n</th><th>Retained</th><th>Lost</th><th>Gained</th><th>Wrong both times</th><th>p (McNemar, exact)</th></tr></thead><tbody>${rows}</tbody></table></div><p class="note">${manyTests(verdicts.length)}</p>`;
}

function valueSection(summary: StudySummary): Markup {
  const { values } = summary.comparisons;
  if (values.length === 0) return html``;
  const rows = values.map(
    (one) =>
      html`<tr><td>${comparisonSubject(one)}</td><td>${one.before}</td><td>${one.after}</td><td>${one.n}</td><td><strong>${writeSigned(one.difference)}</strong> <small>[${writeSigned(one.low)}, ${writeSigned(one.high)}]</small></td></tr>`,
  );
  return html`<h2>${heading(summary, "Distance from the seed, row by row")}</h2><div class="card"><table><thead><tr><th>Measure</th><th>From</th><th>To</th><th>n</th><th>Mean change, 95 % interval (paired bootstrap)</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function rowSection(summary: StudySummary): Markup {
  const sections = studyAudit(summary);
  return sections.length === 0 ? html`` : html`<h2>${heading(summary, "Row by row")}</h2>${sections}`;
}

function yieldSection(summary: StudySummary): Markup {
  if (summary.yields.length === 0) return html``;
  const rows = summary.yields.map(
    ({ title, counts, within }) =>
      html`<tr><td>${title}</td><td>${yieldSentence(counts)}${within === null ? "" : html`<div><small>${withinSentence(within)}</small></div>`}</td><td>${counts.reasons.map(({ reason, count }) => html`<div>${count} ${reasonText(reason)}</div>`)}</td></tr>`,
  );
  return html`<h2>${heading(summary, "Rewrites")}</h2><div class="card"><table><thead><tr><th>Training</th><th>Kept</th><th>Why the original answer was kept</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}
