// report.html: one file that needs nothing else, readable in light and dark.
import { stringify } from "yaml";
import { answerSet } from "./audit/answer-set.js";
import { auditSection } from "./audit/audit-set.js";
import { rewriteSet } from "./audit/rewrite-set.js";
import type { Drawn, Figure } from "./figure-files.js";
import { html, Markup } from "./html-text.js";
import { pageFrame } from "./page-frame.js";
import type { RunSummary } from "./run-summary.js";
import {
  columnTitle,
  facts,
  findScore,
  measureLines,
  percent,
  probability,
  reasonText,
  variantTitles,
  yieldSentence,
} from "./wording.js";

export function htmlReport(summary: RunSummary, figures: readonly Drawn<Figure>[]): string {
  const body = [
    html`<h1>${summary.name}</h1><p class="lead">${summary.manifest.model.name}, ${summary.manifest.started.slice(0, 10)}</p>`,
    resultSection(summary),
    measureSection(summary),
    comparisonSection(summary),
    yieldSection(summary),
    figureSection(figures),
    rowSection(summary),
    factSection(summary),
  ];
  return pageFrame(summary.name, body);
}

function resultSection(summary: RunSummary): Markup {
  const head = summary.tasks.map((task) => html`<th>${columnTitle(summary, task)}</th>`);
  const rows = summary.variants.map((variant) => {
    const cells = summary.tasks.map((task) => {
      const score = findScore(summary, variant, task);
      if (score === undefined) return html`<td>–</td>`;
      return html`<td><strong>${percent(score.value)} %</strong> <small>[${percent(score.low)}, ${percent(score.high)}]</small></td>`;
    });
    return html`<tr><th scope="row">${variantTitles[variant]}</th>${cells}</tr>`;
  });
  return html`<h2>Result</h2><div class="card"><table><thead><tr><th></th>${head}</tr></thead><tbody>${rows}</tbody></table></div><p class="note">95 % intervals (Wilson) in brackets.</p>`;
}

function measureSection(summary: RunSummary): Markup {
  const lines = measureLines(summary);
  if (lines.length === 0) return html``;
  return html`<h2>Beside the answers</h2><div class="card"><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></div>`;
}

function comparisonSection(summary: RunSummary): Markup {
  if (summary.comparisons.length === 0) return html``;
  const rows = summary.comparisons.map(
    (one) =>
      html`<tr><td>${one.task}</td><td>${variantTitles[one.variant]}</td><td>${one.retained}</td><td>${one.lost}</td><td>${one.gained}</td><td>${one.missed}</td><td>${probability(one.p)}</td></tr>`,
  );
  return html`<h2>Against the seed model, on the same rows</h2><div class="card"><table><thead><tr><th>Task</th><th>Model</th><th>Retained</th><th>Lost</th><th>Gained</th><th>Wrong both times</th><th>p (McNemar, exact)</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function yieldSection(summary: RunSummary): Markup {
  if (summary.yield === null) return html``;
  const reasons = summary.yield.reasons.map(
    ({ reason, count }) => html`<tr><td>${reasonText(reason)}</td><td>${count}</td></tr>`,
  );
  return html`<h2>Rewrites</h2><p class="lead">${yieldSentence(summary.yield)}; the original answer stands for the others.</p>${reasons.length === 0 ? "" : html`<div class="card"><table><thead><tr><th>Why the original answer was kept</th><th>Rows</th></tr></thead><tbody>${reasons}</tbody></table></div>`}`;
}

function figureSection(figures: readonly Drawn<Figure>[]): Markup {
  if (figures.length === 0) return html``;
  const cards = figures.map(({ svg }) => html`<figure class="card">${new Markup(svg)}</figure>`);
  return html`<h2>Figures</h2><div class="grid2">${cards}</div>`;
}

function rowSection(summary: RunSummary): Markup {
  const rewrites =
    summary.distilled.length === 0
      ? html``
      : auditSection(rewriteSet("Every rewrite and its verdict", summary.distilled));
  const tasks = [...new Set(summary.predictions.map((one) => one.task))].map((task) => {
    const models = summary.predictions
      .filter((one) => one.task === task)
      .map(({ variant, rows }) => ({ title: variantTitles[variant], variant, rows }));
    return auditSection(answerSet(`Every answer on ${task}`, models));
  });
  return html`<h2>Row by row</h2>${rewrites}${tasks}`;
}

function factSection(summary: RunSummary): Markup {
  const list = facts(summary).map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`);
  return html`<h2>How it was made</h2><div class="card"><dl>${list}</dl></div><details class="card"><summary>Configuration</summary><pre class="config">${stringify(summary.config)}</pre></details>`;
}
