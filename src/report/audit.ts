// The page's audit tables: every rewrite with its verdict, and every test row with what each model answered.
import { html, type Markup } from "./html-text.js";
import type { DistilledAuditRow, RunSummary, VariantName } from "./run-summary.js";
import { variantTitles } from "./wording.js";

/** One row for each training example. */
export function rewriteAudit(rows: readonly DistilledAuditRow[]): Markup {
  const reasons = [...new Set(rows.map((row) => row.reason ?? "kept"))].sort();
  const kinds = new Map(reasons.map((reason, index) => [reason, `r${index}`]));
  const body = rows.map((row) => {
    const verdict = row.reason ?? "kept";
    const written = row.source === "model" ? row.response : (row.rejected ?? "");
    return html`<tr data-kind="${kinds.get(verdict)}"><td>${row.id}</td><td>${tag(row.reason === null ? "good" : "bad", verdict)}${row.finish === "length" ? tag("bad", "cut") : ""}</td><td><pre>${row.instruction}</pre></td><td><pre>${row.original}</pre></td><td><pre>${written}</pre></td></tr>`;
  });
  const options = reasons.map((reason) => html`<option value="${kinds.get(reason)}">${reason}</option>`);
  return auditTable(["id", "verdict", "instruction", "original answer", "the model's rewrite"], options, body);
}

/** One row for each test example of a task. */
export function predictionAudit(summary: RunSummary, task: string): Markup {
  const sets = summary.predictions.filter((one) => one.task === task);
  const first = sets[0];
  if (first === undefined) return html``;
  const byId = new Map(sets.map(({ variant, rows }) => [variant, new Map(rows.map((row) => [row.id, row]))]));
  const body = first.rows.map((row) => {
    const answers = sets.map(({ variant }) => byId.get(variant)?.get(row.id));
    const cells = answers.map((answer) =>
      answer === undefined
        ? html`<td>–</td>`
        : html`<td>${verdictTag(answer.correct)}${answer.finish === "length" ? tag("bad", "cut") : ""}<pre>${answer.output}</pre></td>`,
    );
    const kinds = kindsOf(
      new Map(sets.map(({ variant }) => [variant, byId.get(variant)?.get(row.id)?.correct ?? null])),
    );
    return html`<tr data-kind="${kinds}"><td>${row.id}</td><td><pre>${row.prompt}</pre></td><td><pre>${row.label ?? ""}</pre></td>${cells}</tr>`;
  });
  const options = [
    html`<option value="differs">the models differ</option>`,
    html`<option value="lost">lost by a training</option>`,
    html`<option value="gained">gained by a training</option>`,
  ];
  return auditTable(["id", "prompt", "label", ...sets.map(({ variant }) => variantTitles[variant])], options, body);
}

function kindsOf(verdicts: ReadonlyMap<VariantName, boolean | null>): string {
  const seed = verdicts.get("seed") ?? null;
  const trained = [verdicts.get("vanilla") ?? null, verdicts.get("sdft") ?? null].filter((verdict) => verdict !== null);
  const kinds = [];
  if (new Set(verdicts.values()).size > 1) kinds.push("differs");
  if (seed === true && trained.includes(false)) kinds.push("lost");
  if (seed === false && trained.includes(true)) kinds.push("gained");
  return kinds.join(" ");
}

function auditTable(head: readonly string[], options: readonly Markup[], body: readonly Markup[]): Markup {
  return html`<div data-audit><div class="tools"><input type="search" placeholder="Search these rows" aria-label="Search these rows"><select aria-label="Which rows"><option value="">all rows</option>${options}</select><output></output></div><table class="audit"><thead><tr>${head.map((title) => html`<th>${title}</th>`)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function verdictTag(correct: boolean | null): Markup {
  if (correct === null) return html``;
  return correct ? tag("good", "right") : tag("bad", "wrong");
}

function tag(kind: "good" | "bad", text: string): Markup {
  return html`<span class="tag ${kind}">${text}</span> `;
}
