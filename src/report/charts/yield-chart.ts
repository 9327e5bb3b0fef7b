// Of each run's rewrites, the share that was kept and the shares that each rule rejected.
import { type Chart, wrapped } from "./chart.js";
import { type ColourName, furtherColours, palette } from "./palette.js";

export interface YieldBar {
  readonly title: string;
  readonly total: number;
  readonly kept: number;
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
}

/** Short enough to stand beside the bars uncut. */
function labelLines(title: string): string[] {
  return wrapped(title, 24);
}

/** A bar's title as lines, in vega's expressions. */
function labels(bars: readonly YieldBar[]): string {
  const lines = Object.fromEntries(bars.map(({ title }) => [title, labelLines(title)]));
  return `${JSON.stringify(lines)}[datum.label] || datum.label`;
}

export function yieldChart(chart: {
  readonly title: string;
  readonly subtitle: string;
  readonly bars: readonly YieldBar[];
}): Chart {
  const reasons = [...new Set(chart.bars.flatMap((bar) => bar.reasons.map(({ reason }) => reason)))];
  const parts = ["kept", ...reasons];
  const colours: readonly ColourName[] = ["seed", ...furtherColours];
  const rows = chart.bars.flatMap((bar) =>
    [{ reason: "kept", count: bar.kept }, ...bar.reasons].map(({ reason, count }) => ({
      bar: bar.title,
      part: reason,
      order: parts.indexOf(reason),
      share: (100 * count) / Math.max(1, bar.total),
    })),
  );
  const range = parts.map((_, index) =>
    index === 0 ? palette.sdft.light : palette[colours[(index - 1) % colours.length] ?? "seed"].light,
  );
  return {
    title: chart.title,
    subtitle: chart.subtitle,
    description: chart.bars
      .map(
        (bar) =>
          `${bar.title}: ${bar.kept} of ${bar.total} kept, ${bar.reasons.map(({ reason, count }) => `${count} ${reason}`).join(", ")}`,
      )
      .join(". "),
    spec: {
      width: 340,
      height: { step: 14 + 14 * Math.max(1, ...chart.bars.map(({ title }) => labelLines(title).length)) },
      data: { values: rows },
      mark: { type: "bar", height: { band: 0.7 } },
      encoding: {
        y: {
          field: "bar",
          type: "nominal",
          title: null,
          sort: null,
          axis: { labelLimit: 0, labelExpr: labels(chart.bars) },
        },
        x: {
          field: "share",
          type: "quantitative",
          title: "share of rewrites, %",
          scale: { domain: [0, 100] },
          stack: "zero",
        },
        order: { field: "order", type: "quantitative" },
        color: { field: "part", type: "nominal", scale: { domain: parts, range } },
      },
    },
  };
}
