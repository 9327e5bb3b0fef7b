// Bars side by side, one group for each benchmark and one bar for each method, with their intervals.
import type { Chart } from "./chart.js";
import { type ColourName, palette } from "./palette.js";
import { brief } from "./sweep-chart.js";

export interface BarSeries {
  readonly title: string;
  readonly colour: ColourName;
  readonly bars: readonly {
    readonly group: string;
    readonly value: number;
    readonly low: number | null;
    readonly high: number | null;
  }[];
}

export interface Bars {
  readonly title: string;
  readonly subtitle: string;
  readonly yTitle: string;
  readonly top: number;
  readonly series: readonly BarSeries[];
}

export function barChart({ title, subtitle, yTitle, top, series }: Bars): Chart {
  const bars = series.flatMap((one) => one.bars.map((bar) => ({ series: one.title, ...bar })));
  const groups = [...new Set(bars.map(({ group }) => group))];
  const order = series.map((one) => one.title);
  const x = {
    field: "group",
    type: "nominal" as const,
    sort: groups,
    title: null,
    axis: { labelLimit: 180, labelAngle: groups.length > 4 ? -30 : 0 },
    scale: { paddingInner: 0.25 },
  };
  const xOffset = { field: "series", type: "nominal" as const, sort: order };
  const y = { field: "value", type: "quantitative" as const, title: yTitle, scale: { domain: [0, top] } };
  return {
    title,
    subtitle,
    description: series
      .map((one) => `${one.title}: ${one.bars.map(({ group, value }) => `${group} ${brief(value)}`).join("; ")}`)
      .join(". "),
    spec: {
      width: Math.max(240, groups.length * 70),
      height: 200,
      data: { values: bars },
      layer: [
        {
          mark: { type: "bar", cornerRadiusEnd: 2 },
          encoding: {
            x,
            xOffset,
            y,
            color: {
              field: "series",
              type: "nominal",
              scale: { domain: order, range: series.map(({ colour }) => palette[colour].light) },
            },
          },
        },
        {
          transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
          mark: { type: "rule", color: palette.ink.light, opacity: 0.7 },
          encoding: { x, xOffset, y: { ...y, field: "low" }, y2: { field: "high" } },
        },
      ],
    },
  };
}
