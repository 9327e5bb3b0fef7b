// A table of examples for the audit view: short cells to sort by, long texts to read, kinds to choose by. Its rows travel in the page as
// compressed data and are drawn in the browser a page at a time, so that thousands stay usable and nothing a model wrote is ever markup.
import { gzipSync } from "node:zlib";
import { html, type Markup } from "../html-text.js";

export interface AuditColumn {
  readonly title: string;
  /** `verdict`: true is shown as right, false as wrong. */
  readonly kind: "text" | "number" | "verdict";
}

export interface AuditRow {
  /** One for each column. */
  readonly cells: readonly (string | number | boolean | null)[];
  /** One text for each pane; null where there is none. */
  readonly panes: readonly (string | null)[];
  /** Values of the set's kinds that the row belongs to. */
  readonly kinds: readonly string[];
}

export interface AuditSet {
  readonly title: string;
  readonly columns: readonly AuditColumn[];
  /** Titles of the long texts. */
  readonly panes: readonly string[];
  /** Two panes whose differing words are marked, the earlier text first. */
  readonly compared: readonly [number, number] | null;
  /** What can be chosen besides all rows. */
  readonly kinds: readonly { readonly value: string; readonly title: string }[];
  readonly rows: readonly AuditRow[];
}

/** A closed section that draws its rows when it is opened; needs the script of audit-script.ts. */
export function auditSection(set: AuditSet): Markup {
  const { rows, ...head } = set;
  const content = gzipSync(JSON.stringify({ ...head, rows }), { level: 9 }).toString("base64");
  return html`<details class="card audit" data-audit><summary>${set.title} (${rows.length})</summary><div class="audit-view"></div><script type="text/plain" class="audit-rows">${content}</script></details>`;
}
