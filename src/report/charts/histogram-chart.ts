// How often each value occurs, one translucent silhouette for each training, in shares of its rows.
import type { Chart } from "./chart.js";
import { type ColourName, palette } from "./palette.js";

export interface HistogramSeries {
  readonly title: string;
  readonly colour: ColourName;
  readonly values: readonly number[];
}

export interface Histogram {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly series: readonly HistogramSeries[];
}

const binWidth = 0.05;

export function histogramChart({ title, subtitle, xTitle, series }: Histogram): Chart {
  const all = series.flatMap(({ values }) => values);
  const first = Math.min(0, ...all.map(binOf));
  const last = binOf(1) - 1;
  const bars = series.flatMap((one) =>
    countBins(one.values, { first, last }).map(({ bin, share }) => ({
      series: one.title,
      from: round(bin * binWidth),
      to: round((bin + 1) * binWidth),
      share: 100 * share,
    })),
  );
  // Vega stacks bars of one place unless told otherwise; these stand behind one another.
  const y = { field: "share", type: "quantitative" as const, title: "share of rows, %", stack: null };
  const x = {
    field: "from",
    type: "quantitative" as const,
    title: xTitle,
    scale: { domain: [round(first * binWidth), 1], nice: false },
    axis: { tickCount: 6 },
  };
  const color = {
    field: "series",
    type: "nominal" as const,
    scale: { domain: series.map((one) => one.title), range: series.map(({ colour }) => palette[colour].light) },
  };
  return {
    title,
    subtitle,
    description: series.map((one) => `${one.title}: ${describe(one.values)}`).join(". "),
    spec: {
      width: 340,
      height: 200,
      data: { values: bars },
      layer: [
        {
          mark: { type: "bar", opacity: 0.45, binSpacing: 0 },
          encoding: { x: { ...x, bin: "binned" as const }, x2: { field: "to" }, y, color },
        },
      ],
    },
  };
}

/** The share of the values in each bin; the last bin holds 1 itself. */
export function countBins(
  values: readonly number[],
  { first, last }: { readonly first: number; readonly last: number },
): { bin: number; share: number }[] {
  const counts = new Map<number, number>();
  for (const value of values) {
    const bin = Math.min(last, Math.max(first, binOf(value)));
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const bin = first + index;
    return { bin, share: (counts.get(bin) ?? 0) / Math.max(1, values.length) };
  });
}

/** A hair's breadth is forgiven, so that 0.15 / 0.05 is 3. */
function binOf(value: number): number {
  return Math.floor(value / binWidth + 1e-9);
}

function describe(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN).toFixed(3);
  return `${sorted.length} rows, median ${at(0.5)}, middle half from ${at(0.25)} to ${at(0.75)}`;
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
