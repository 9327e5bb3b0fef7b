// Figures from the runs' own rows: similarity to the seed's answers, training loss, and what became of the rewrites.
import { histogramChart } from "../charts/histogram-chart.js";
import { lossChart } from "../charts/loss-chart.js";
import { yieldChart } from "../charts/yield-chart.js";
import { datasetsOf, fileName, named, type StudyFigure, subtitle } from "./figure-series.js";
import { datasetTitle } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import type { StudySummary } from "./study-summary.js";
import { runTrainings, trainingShifts } from "./study-trainings.js";

/** The paper's Figure 9: how alike the trained model's answers are to the seed's, from the rows themselves. */
export function histogramFigures(study: Study): StudyFigure[] {
  const all = trainingShifts(study)
    .map(({ key, rows }) => ({ key, values: rows.flatMap((row) => row.similarity ?? []) }))
    .filter(({ values }) => values.length > 0);
  return datasetsOf(all).map((dataset) => {
    const shown = all.filter(({ key }) => key.dataset === dataset);
    const chart = histogramChart({
      title: `Similarity to the seed's answers after training on ${datasetTitle(dataset)}`,
      subtitle: subtitle(study, `${Math.max(...shown.map(({ values }) => values.length))} answers each`),
      xTitle: "cosine of the answers' embeddings",
      series: named(shown).map(({ title, colour, one }) => ({ title, colour, values: one.values })),
    });
    return { kind: "similarity histogram", name: fileName("similarity", dataset), chart };
  });
}

export function lossFigures(study: Study): StudyFigure[] {
  const all = study.runs.flatMap((run) =>
    run.summary.logs.flatMap(({ variant, rows }) =>
      runTrainings(study, run, variant).map(({ key }) => ({ key, rows })),
    ),
  );
  return datasetsOf(all).map((dataset) => {
    const series = named(all.filter(({ key }) => key.dataset === dataset));
    const chart = lossChart({
      title: `Training loss on ${datasetTitle(dataset)}`,
      subtitle: subtitle(study, "mean over the answers' tokens"),
      series: series.map(({ title, colour, one }) => ({ title, colour, steps: one.rows })),
    });
    return { kind: "loss", name: fileName("loss", dataset), chart };
  });
}

export function yieldFigures({ study, yields }: StudySummary): StudyFigure[] {
  if (yields.length === 0) return [];
  const chart = yieldChart({
    title: "Rewrites kept, and the rules that rejected the others",
    subtitle: subtitle(study),
    bars: yields.map(({ title, counts }) => ({ title, ...counts })),
  });
  return [{ kind: "yield", name: "yield", chart }];
}
