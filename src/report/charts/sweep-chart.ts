// A measure by sample size or by mix ratio: a line for each training method, a bar over each interval, the seed model as a level.
import type { Chart } from "./chart.js";
import { type ColourName, palette } from "./palette.js";

export interface SweepPoint {
  readonly x: number;
  readonly value: number;
  /** Null where there is no interval. */
  readonly low: number | null;
  readonly high: number | null;
}

export interface SweepSeries {
  readonly title: string;
  readonly colour: ColourName;
  readonly points: readonly SweepPoint[];
}

export interface Sweep {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** Highest value of the axis; null: what the data need. */
  readonly top: number | null;
  readonly series: readonly SweepSeries[];
  /** The seed model's value; null where it has none. */
  readonly level: number | null;
}

export function sweepChart(sweep: Sweep): Chart {
  const points = sweep.series.flatMap(({ title, points }) => points.map((point) => ({ series: title, ...point })));
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const seriesColour = {
    field: "series",
    type: "nominal" as const,
    scale: {
      domain: sweep.series.map(({ title }) => title),
      range: sweep.series.map(({ colour }) => palette[colour].light),
    },
  };
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: sweep.xTitle,
    // An axis' own format rounds to the digits that tell its ticks apart: 192 to 190.
    axis: { values: xs, labelOverlap: "greedy" as const, labelExpr: "format(datum.value, '~r')" },
    scale: { zero: false, nice: false, padding: 14 },
  };
  const y = {
    field: "value",
    type: "quantitative" as const,
    title: sweep.yTitle,
    axis: { tickCount: 5 },
    scale: sweep.top === null ? { zero: true } : { domain: [0, sweep.top] },
  };
  const level =
    sweep.level === null
      ? []
      : [
          {
            data: { values: [{ value: sweep.level }] },
            mark: { type: "rule" as const, strokeDash: [4, 4], color: palette.seed.light },
            encoding: { y },
          },
          {
            data: { values: [{ value: sweep.level }] },
            mark: {
              type: "text",
              text: "seed model",
              align: "right",
              baseline: "bottom",
              dy: -4,
              fontSize: 12,
              color: palette.soft.light,
              x: "width",
            } as const,
            encoding: { y },
          },
        ];
  return {
    title: sweep.title,
    subtitle: sweep.subtitle,
    description: describe(sweep),
    spec: {
      width: 340,
      height: 200,
      layer: [
        ...level,
        {
          data: { values: points.filter(({ low, high }) => low !== null && high !== null) },
          mark: { type: "rule", strokeWidth: 3, opacity: 0.4, strokeCap: "round" },
          encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: seriesColour },
        },
        { data: { values: points }, mark: { type: "line", strokeWidth: 2 }, encoding: { x, y, color: seriesColour } },
        {
          data: { values: points },
          mark: { type: "point", filled: true, size: 55, opacity: 1 },
          encoding: { x, y, color: seriesColour },
        },
      ],
    },
  };
}

/** Every number in words: `SDFT: 256: 36.6 [28.1, 46.0]`. */
function describe(sweep: Sweep): string {
  const series = sweep.series.map(({ title, points }) => {
    const list = points.map(({ x, value, low, high }) => {
      const interval = low === null || high === null ? "" : ` [${brief(low)}, ${brief(high)}]`;
      return `${x}: ${brief(value)}${interval}`;
    });
    return `${title}: ${list.join("; ")}`;
  });
  const level = sweep.level === null ? [] : [`Seed model: ${brief(sweep.level)}`];
  return [`${sweep.yTitle} by ${sweep.xTitle}`, ...series, ...level].join(". ");
}

export function brief(value: number): string {
  return String(Number(value.toPrecision(4)));
}
