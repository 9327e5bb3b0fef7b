// Which figures a run has the numbers for.
import { averageScores } from "../metrics/combined-scores.js";
import { barChart } from "./charts/bar-chart.js";
import { histogramChart } from "./charts/histogram-chart.js";
import { lossChart } from "./charts/loss-chart.js";
import { tradeOffChart } from "./charts/trade-off-chart.js";
import { yieldChart } from "./charts/yield-chart.js";
import type { Figure } from "./figure-files.js";
import type { RunSummary, VariantName } from "./run-summary.js";
import { findScore, variantTitles } from "./wording.js";

export function runFigures(summary: RunSummary): Figure[] {
  return [
    ...scoreFigure(summary),
    ...tradeOffFigure(summary),
    ...similarityFigure(summary),
    ...lossFigure(summary),
    ...yieldFigure(summary),
  ];
}

/** Title and colour of a variant's series. */
function seriesOf(variant: VariantName) {
  return { title: variantTitles[variant], colour: variant };
}

function subtitle({ manifest }: RunSummary, ...parts: readonly string[]): string {
  return [manifest.model.name, ...parts].join(", ");
}

function scoreFigure(summary: RunSummary): Figure[] {
  const { variants, tasks } = summary;
  const series = variants.map((variant) => ({
    ...seriesOf(variant),
    bars: tasks.flatMap((task) => {
      const score = findScore(summary, variant, task);
      return score === undefined ? [] : [{ group: task, ...inPercent(score) }];
    }),
  }));
  if (series.every(({ bars }) => bars.length === 0)) return [];
  const title = "Scores of every test";
  return [
    {
      name: "scores",
      chart: barChart({ title, subtitle: subtitle(summary, "95 % intervals"), yTitle: "%", top: 100, series }),
    },
  ];
}

/** The trained task's score against the mean of the others', where there are both. */
function tradeOffFigure(summary: RunSummary): Figure[] {
  const { variants, tasks, config } = summary;
  const target = tasks.find((task) => task === config.task);
  const others = tasks.filter((task) => task !== target);
  if (target === undefined || others.length === 0) return [];
  const points = variants.flatMap((variant) => {
    const reached = findScore(summary, variant, target);
    const kept = others.flatMap((task) => findScore(summary, variant, task) ?? []);
    if (reached === undefined || kept.length < others.length) return [];
    return [{ ...seriesOf(variant), target: inPercent(reached), retained: inPercent(averageScores(kept)) }];
  });
  if (points.length < 2) return [];
  const chart = tradeOffChart({
    title: `Learnt against kept, trained on ${target}`,
    subtitle: subtitle(summary, "95 % intervals"),
    xTitle: `kept: mean of ${others.join(", ")}, %`,
    yTitle: `learnt: ${target}, %`,
    points,
  });
  return [{ name: "trade-off", chart }];
}

function similarityFigure(summary: RunSummary): Figure[] {
  const series = summary.shifts
    .map(({ variant, rows }) => ({ ...seriesOf(variant), values: rows.flatMap(({ similarity }) => similarity ?? []) }))
    .filter(({ values }) => values.length > 0);
  if (series.length === 0) return [];
  const answers = Math.max(...series.map(({ values }) => values.length));
  const chart = histogramChart({
    title: "Similarity to the seed's answers",
    subtitle: subtitle(summary, `${answers} answers each`),
    xTitle: "cosine of the answers' embeddings",
    series,
  });
  return [{ name: "similarity", chart }];
}

function lossFigure(summary: RunSummary): Figure[] {
  if (summary.logs.length === 0) return [];
  const chart = lossChart({
    title: "Training loss",
    subtitle: subtitle(summary, "mean over the answers' tokens"),
    series: summary.logs.map(({ variant, rows }) => ({ ...seriesOf(variant), steps: rows })),
  });
  return [{ name: "loss", chart }];
}

function yieldFigure(summary: RunSummary): Figure[] {
  if (summary.yield === null) return [];
  const chart = yieldChart({
    title: "Rewrites kept, and the rules that rejected the others",
    subtitle: subtitle(summary),
    bars: [{ title: "rewrites", ...summary.yield }],
  });
  return [{ name: "yield", chart }];
}

function inPercent({ value, low, high }: { readonly value: number; readonly low: number; readonly high: number }) {
  return { value: 100 * value, low: 100 * low, high: 100 * high };
}
