// The paper's Figures 5 to 8: performance and shift by sample size and by mix ratio, a panel for each test and training set.
import { type Sweep, type SweepPoint, sweepChart } from "../charts/sweep-chart.js";
import { datasetsOf, type FigureKind, fileName, named, type StudyFigure, subtitle } from "./figure-series.js";
import { datasetTitle, metricWording, shiftMetrics } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import { mixRatio, type ScoreGroup, type TrainingKey } from "./score-groups.js";
import { overSeeds } from "./study-table.js";

/** What is swept: the value of a training on the axis, and which of its keys do not tell series apart. */
interface Axis {
  readonly kind: "samples" | "mix ratio";
  readonly title: string;
  readonly place: (key: TrainingKey) => number | null;
  /** Trainings that belong on one line; null for those that stand on none. */
  readonly line: (key: TrainingKey) => string | null;
}

const axes: readonly Axis[] = [
  {
    kind: "samples",
    title: "training examples",
    place: (key) => key.samples,
    line: (key) =>
      JSON.stringify([key.variant, key.dataset, key.template, key.distill_template, key.mix_ratio, key.rank]),
  },
  {
    kind: "mix ratio",
    title: "mix ratio (share of rewrites)",
    place: mixRatio,
    line: (key) => JSON.stringify([key.dataset, key.template, key.samples, key.rank]),
  },
];

export function sweepFigures(study: Study, groups: readonly ScoreGroup[]): StudyFigure[] {
  return axes.flatMap((axis) =>
    datasetsOf(groups).flatMap((dataset) => {
      const trained = groups.filter(({ key }) => key.dataset === dataset);
      const places = new Set(trained.map(({ key }) => axis.place(key)));
      // Vanilla fine-tuning and SDFT alone are no sweep of the mix ratio.
      if (places.size < (axis.kind === "samples" ? 2 : 3)) return [];
      return measuresOf(trained).flatMap((measure) => {
        const sweep = sweepOf(study, { axis, dataset, measure, trained, groups });
        if (sweep === null) return [];
        const what = measure.task === "shift" ? "shift" : "performance";
        const by = axis.kind === "samples" ? "sample size" : "mix ratio";
        const kind: FigureKind = `${what} by ${by}`;
        return [{ kind, name: fileName(kind, dataset, measure.task, measure.metric), chart: sweepChart(sweep) }];
      });
    }),
  );
}

const shiftOrder: readonly string[] = shiftMetrics;

interface Measure {
  readonly task: string;
  readonly metric: string;
}

/** The tests' metrics, then the shift's in the paper's order. */
function measuresOf(groups: readonly ScoreGroup[]): Measure[] {
  const seen = new Map<string, Measure>();
  for (const { task, metric } of groups.flatMap(({ scores }) => scores)) {
    if (task === "gap" || task.startsWith("mmlu_")) continue;
    seen.set(`${task} ${metric}`, { task, metric });
  }
  const place = ({ task, metric }: Measure): number => (task === "shift" ? 1 + shiftOrder.indexOf(metric) : 0);
  return [...seen.values()].sort((a, b) => place(a) - place(b));
}

function sweepOf(
  study: Study,
  part: {
    readonly axis: Axis;
    readonly dataset: string;
    readonly measure: Measure;
    readonly trained: readonly ScoreGroup[];
    readonly groups: readonly ScoreGroup[];
  },
): Sweep | null {
  const { axis, dataset, measure, trained, groups } = part;
  const { title, kind, unit } = metricWording(measure.metric);
  const scale = kind === "rate" ? 100 : 1;
  const lines = new Map<string, { key: TrainingKey; points: SweepPoint[] }>();
  for (const group of trained) {
    const line = axis.line(group.key);
    const x = axis.place(group.key);
    const point = pointOf(group, measure, scale);
    if (line === null || x === null || point === null) continue;
    const known = lines.get(line) ?? { key: group.key, points: [] };
    // SDFT with a ratio of 0 is vanilla fine-tuning; either fills the place, and the line has SDFT's colour.
    if (!known.points.some((other) => other.x === x)) known.points.push({ x, ...point });
    lines.set(line, { key: group.key.variant === "sdft" ? group.key : known.key, points: known.points });
  }
  if (lines.size === 0) return null;
  const seed = groups.find(({ key }) => key.variant === "seed");
  const level = seed === undefined || measure.task === "shift" ? null : pointOf(seed, measure, scale);
  const spread = trained.some(({ scores }) => new Set(scores.map((score) => score.seed)).size > 1)
    ? "bars: one standard deviation between seeds"
    : "95 % intervals";
  const swept = axis.kind === "samples" ? (["samples"] as const) : (["mix_ratio", "distill_template"] as const);
  return {
    title:
      measure.task === "shift"
        ? `${upperFirst(title)}, trained on ${datasetTitle(dataset)}`
        : `${datasetTitle(measure.task)}, trained on ${datasetTitle(dataset)}`,
    subtitle: subtitle(study, ...(hasIntervals(lines) ? [spread] : [])),
    xTitle: axis.title,
    yTitle: unit === null ? title : `${title}, ${unit}`,
    top: kind === "rate" ? 100 : kind === "share" ? 1 : null,
    series: named(withCourse([...lines.values()]), swept).map(({ title: name, colour, one }) => ({
      title: axis.kind === "samples" ? name : name.replace(/^self-distillation \(SDFT\)/, "rewrites mixed in"),
      colour,
      points: [...one.points].sort((a, b) => a.x - b.x),
    })),
    level: level?.value ?? null,
  };
}

/** A line of one point has no course; it is left out where others have one. */
function withCourse<Line extends { readonly points: readonly SweepPoint[] }>(lines: readonly Line[]): readonly Line[] {
  const long = lines.filter(({ points }) => points.length > 1);
  return long.length > 0 ? long : lines;
}

function hasIntervals(lines: ReadonlyMap<string, { points: SweepPoint[] }>): boolean {
  return [...lines.values()].some(({ points }) => points.some(({ low, value }) => low !== null && low < value));
}

function pointOf(group: ScoreGroup, { task, metric }: Measure, scale: number): Omit<SweepPoint, "x"> | null {
  const scores = group.scores.filter((score) => score.task === task && score.metric === metric);
  if (scores.length === 0) return null;
  const { value, low, high, deviation } = overSeeds(scores);
  return {
    value: scale * value,
    low: scale * (deviation === null ? low : value - deviation),
    high: scale * (deviation === null ? high : value + deviation),
  };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
