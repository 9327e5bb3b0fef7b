// Which figures a study has the numbers for, the paper's Figures 4 to 9 among them; those that the study is about come first.
import type { StudyFigure } from "./figure-series.js";
import { knowledgeFigures } from "./knowledge-figures.js";
import { histogramFigures, lossFigures, yieldFigures } from "./run-figures.js";
import { groupScores } from "./score-groups.js";
import type { StudySummary } from "./study-summary.js";
import { sweepFigures } from "./sweep-figures.js";
import { tradeOffFigures } from "./trade-off-figures.js";

/** Every figure for which there are numbers, those that the study is about first. */
export function studyFigures(summary: StudySummary): StudyFigure[] {
  const { study, published } = summary;
  const groups = groupScores(study.scores);
  const figures = [
    ...sweepFigures(study, groups),
    ...knowledgeFigures(study, groups),
    ...histogramFigures(study),
    ...tradeOffFigures(study, groups),
    ...lossFigures(study),
    ...yieldFigures(summary),
  ];
  const shows = published?.kind === "figure" ? published.shows : null;
  return [...figures.filter(({ kind }) => kind === shows), ...figures.filter(({ kind }) => kind !== shows)];
}
