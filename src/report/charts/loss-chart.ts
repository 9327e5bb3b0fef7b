// Training loss by step, a line for each training.
import type { Chart } from "./chart.js";
import { type ColourName, palette } from "./palette.js";
import { brief } from "./sweep-chart.js";

export interface LossSeries {
  readonly title: string;
  readonly colour: ColourName;
  readonly steps: readonly { readonly step: number; readonly loss: number }[];
}

/** More points than this can't be told apart. */
const mostPoints = 150;

export function lossChart(chart: {
  readonly title: string;
  readonly subtitle: string;
  readonly series: readonly LossSeries[];
}): Chart {
  const { title, subtitle, series } = chart;
  const points = series.flatMap((one) => thin(one.steps).map((point) => ({ series: one.title, ...point })));
  return {
    title,
    subtitle,
    description: series
      .map(({ title: name, steps }) => {
        const [first, last] = [steps[0], steps.at(-1)];
        return `${name}: ${steps.length} steps, loss ${brief(first?.loss ?? Number.NaN)} to ${brief(last?.loss ?? Number.NaN)}`;
      })
      .join(". "),
    spec: {
      width: 340,
      height: 200,
      data: { values: points },
      // A curve of one step would show nothing without its point.
      mark: { type: "line", strokeWidth: 2, point: points.length <= 40 ? { filled: true, size: 25 } : false },
      encoding: {
        x: {
          field: "step",
          type: "quantitative",
          title: "step",
          scale: { nice: false },
          axis: { tickCount: 5, tickMinStep: 1, format: "~r" },
        },
        y: { field: "loss", type: "quantitative", title: "loss", scale: { zero: true } },
        color: {
          field: "series",
          type: "nominal",
          scale: { domain: series.map((one) => one.title), range: series.map(({ colour }) => palette[colour].light) },
        },
      },
    },
  };
}

/** The mean of each stretch of steps. */
export function thin(
  steps: readonly { readonly step: number; readonly loss: number }[],
): { step: number; loss: number }[] {
  const stretch = Math.ceil(steps.length / mostPoints);
  const count = stretch === 0 ? 0 : Math.ceil(steps.length / stretch);
  return Array.from({ length: count }, (_, index) => {
    const part = steps.slice(index * stretch, (index + 1) * stretch);
    const mean = (of: (one: { step: number; loss: number }) => number): number =>
      part.reduce((sum, one) => sum + of(one), 0) / part.length;
    return { step: mean((one) => one.step), loss: mean((one) => one.loss) };
  });
}
