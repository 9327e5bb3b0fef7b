// The paper's Figure 4: general knowledge as bars, one panel for each training set.
import type { ScoreRow } from "../../eval/prediction.js";
import { barChart } from "../charts/bar-chart.js";
import { datasetsOf, fileName, named, type StudyFigure, subtitle } from "./figure-series.js";
import { datasetTitle, knowledgeTasks } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import type { ScoreGroup } from "./score-groups.js";
import { overSeeds } from "./study-table.js";

export function knowledgeFigures(study: Study, groups: readonly ScoreGroup[]): StudyFigure[] {
  const known = groups
    .map((group) => ({ ...group, bars: knowledgeTasks.flatMap((task) => knowledgeBar(group.scores, task)) }))
    .filter(({ bars }) => bars.length > 0);
  return datasetsOf(known).map((dataset) => {
    const shown = known.filter(({ key }) => key.variant === "seed" || key.dataset === dataset);
    const chart = barChart({
      title: `General knowledge after training on ${datasetTitle(dataset)}`,
      subtitle: subtitle(study, "95 % intervals"),
      yTitle: "%",
      top: 100,
      series: named(shown).map(({ title, colour, one }) => ({ title, colour, bars: one.bars })),
    });
    return { kind: "knowledge", name: fileName("knowledge", dataset), chart };
  });
}

/** acc_norm where the benchmark has one, as the leaderboard that the paper cites. */
function knowledgeBar(scores: readonly ScoreRow[], task: string) {
  const own = scores.filter((score) => score.task === task);
  const normed = own.filter((score) => score.metric === "acc_norm" && task !== "mmlu");
  const used = normed.length > 0 ? normed : own.filter((score) => score.metric === "acc");
  if (used.length === 0) return [];
  const { value, low, high } = overSeeds(used);
  return [{ group: datasetTitle(task), value: 100 * value, low: 100 * low, high: 100 * high }];
}
