// The report's figures as inline SVG: rates with their intervals, loss curves, and the rewrites' yield. Colours come from the page's style.
import type { LogRow } from "../train/log.js";
import { html, type Markup } from "./html-text.js";
import type { RewriteYield, RunSummary, VariantName } from "./run-summary.js";
import { findScore, rate, reasonText, variantTitles } from "./wording.js";

const width = 640;

/** One row for each variant: a dot at the rate, a bar over its 95 % interval. */
export function intervalFigure(summary: RunSummary, task: string): Markup {
  const left = 170;
  const right = 20;
  const rowHeight = 30;
  const height = summary.variants.length * rowHeight + 34;
  const x = (value: number): number => round(left + value * (width - left - right));
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (tick) =>
      html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="6" y2="${height - 26}"/><text class="tick" x="${x(tick)}" y="${height - 8}" text-anchor="middle">${tick * 100} %</text>`,
  );
  const rows = summary.variants.flatMap((variant, index) => {
    const score = findScore(summary, variant, task);
    if (score === undefined) return [];
    const y = index * rowHeight + 22;
    return html`<g class="series ${variant}"><title>${variantTitles[variant]}: ${rate(score)}</title><text class="label" x="${left - 12}" y="${y + 4}" text-anchor="end">${variantTitles[variant]}</text><line class="whisker" x1="${x(score.low)}" x2="${x(score.high)}" y1="${y}" y2="${y}"/><circle class="dot" cx="${x(score.value)}" cy="${y}" r="5"/></g>`;
  });
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Rates and 95 % intervals on ${task}">${grid}${rows}</svg>`;
}

/** Loss by step, one line for each training. */
export function lossFigure(logs: RunSummary["logs"]): Markup {
  const height = 260;
  const box = { left: 48, right: width - 16, top: 14, bottom: height - 34 };
  const steps = Math.max(1, ...logs.flatMap(({ rows }) => rows.map((row) => row.step)));
  const highest = Math.max(1e-6, ...logs.flatMap(({ rows }) => rows.map((row) => row.loss)));
  const ticks = niceTicks(highest);
  const top = ticks.at(-1) ?? highest;
  const x = (step: number): number => round(box.left + ((step - 1) / Math.max(1, steps - 1)) * (box.right - box.left));
  const y = (loss: number): number => round(box.bottom - (loss / top) * (box.bottom - box.top));
  const grid = ticks.map(
    (tick) =>
      html`<line class="grid" x1="${box.left}" x2="${box.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${box.left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
  );
  const lines = logs.map(({ variant, rows }) => lossLine(variant, rows, { x, y }));
  const axis = html`<text class="tick" x="${box.left}" y="${height - 14}">step 1</text><text class="tick" x="${box.right}" y="${height - 14}" text-anchor="end">step ${steps}</text>`;
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Training loss by step">${grid}${lines}${axis}</svg>${legend(logs.map(({ variant }) => variant))}`;
}

/** One bar for the kept rewrites and one for each reason. */
export function yieldFigure(counts: RewriteYield): Markup {
  const bars = [
    { label: "kept", count: counts.kept, kind: "kept" },
    ...counts.reasons.map(({ reason, count }) => ({ label: reasonText(reason), count, kind: "rejected" })),
  ];
  const rows = bars.map(({ label, count, kind }) => {
    const share = round((100 * count) / Math.max(1, counts.total));
    return html`<tr><td>${label}</td><td class="amount">${count}</td><td class="track"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="bar ${kind}" width="${share}" height="6"/></svg></td></tr>`;
  });
  return html`<table class="yield"><tbody>${rows}</tbody></table>`;
}

function lossLine(
  variant: VariantName,
  rows: readonly LogRow[],
  scale: { x: (step: number) => number; y: (loss: number) => number },
): Markup {
  const points = rows.map((row) => `${scale.x(row.step)},${scale.y(row.loss)}`).join(" ");
  return html`<g class="series ${variant}"><polyline class="curve" points="${points}"/></g>`;
}

function legend(variants: readonly VariantName[]): Markup {
  const items = variants.map(
    (variant) => html`<span class="series ${variant}"><i></i>${variantTitles[variant]}</span>`,
  );
  return html`<p class="legend">${items}</p>`;
}

/** From 0 to just over the highest value, in steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(highest: number): number[] {
  const raw = highest / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? raw;
  const count = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
