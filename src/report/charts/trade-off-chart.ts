// What a training gained on its target against what it kept elsewhere: up is better at the target, right is better at the rest.
import type { Chart } from "./chart.js";
import { type ColourName, palette } from "./palette.js";
import { brief } from "./sweep-chart.js";

interface Reach {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface TradeOffPoint {
  readonly title: string;
  readonly colour: ColourName;
  readonly target: Reach;
  readonly retained: Reach;
}

export interface TradeOff {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly points: readonly TradeOffPoint[];
}

export function tradeOffChart({ title, subtitle, xTitle, yTitle, points }: TradeOff): Chart {
  const rows = points.map((point) => ({
    series: point.title,
    x: point.retained.value,
    xLow: point.retained.low ?? point.retained.value,
    xHigh: point.retained.high ?? point.retained.value,
    y: point.target.value,
    yLow: point.target.low ?? point.target.value,
    yHigh: point.target.high ?? point.target.value,
  }));
  const titles = [...new Set(points.map((point) => point.title))];
  const color = {
    field: "series",
    type: "nominal" as const,
    scale: {
      domain: titles,
      range: titles.map((name) => palette[points.find((point) => point.title === name)?.colour ?? "seed"].light),
    },
  };
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: xTitle,
    axis: { grid: true },
    scale: { zero: false, nice: true },
  };
  const y = { field: "y", type: "quantitative" as const, title: yTitle, scale: { zero: false, nice: true } };
  const bar = { type: "rule", strokeWidth: 3, opacity: 0.3, strokeCap: "round" } as const;
  return {
    title,
    subtitle,
    description: points
      .map(
        (point) => `${point.title}: ${yTitle} ${brief(point.target.value)}, ${xTitle} ${brief(point.retained.value)}`,
      )
      .join(". "),
    spec: {
      width: 340,
      height: 240,
      data: { values: rows },
      layer: [
        {
          mark: bar,
          encoding: { x: { ...x, field: "xLow" }, x2: { field: "xHigh" }, y, color },
        },
        {
          mark: bar,
          encoding: { x, y: { ...y, field: "yLow" }, y2: { field: "yHigh" }, color },
        },
        { mark: { type: "point", filled: true, size: 90, opacity: 1 }, encoding: { x, y, color } },
      ],
    },
  };
}
