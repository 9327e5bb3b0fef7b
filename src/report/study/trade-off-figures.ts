// What each training gained on its target against what it kept on the other tests, a panel for each training set with a target.
import { tradeOffChart } from "../charts/trade-off-chart.js";
import { datasetsOf, fileName, named, type StudyFigure, subtitle } from "./figure-series.js";
import { datasetTitle, knowledgeTasks, metricWording, targetTask } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import type { ScoreGroup } from "./score-groups.js";
import { averageCell, type CellScore, fillCell } from "./study-table.js";

export function tradeOffFigures(study: Study, groups: readonly ScoreGroup[]): StudyFigure[] {
  return datasetsOf(groups).flatMap((dataset) => {
    const target = targetTask(dataset);
    if (target === null) return [];
    const shown = groups.filter(({ key }) => key.variant === "seed" || key.dataset === dataset);
    const others = retentionTasks(shown, target);
    const points = shown.flatMap((group) => {
      const reached = scoreOn(group, target);
      const kept = averageCell(others.map((task) => cellOf(group, task))).score;
      return reached === null || kept === null || others.length === 0 ? [] : [{ ...group, reached, kept }];
    });
    if (points.length < 2) return [];
    const chart = tradeOffChart({
      title: `Learnt against kept, trained on ${datasetTitle(dataset)}`,
      subtitle: subtitle(study, "95 % intervals"),
      xTitle: `kept: mean of ${others.map(datasetTitle).join(", ")}, %`,
      yTitle: `learnt: ${datasetTitle(target)}, %`,
      points: named(points).map(({ title, colour, one }) => ({
        title,
        colour,
        target: inPercent(one.reached),
        retained: inPercent(one.kept),
      })),
    });
    return [{ kind: "trade-off" as const, name: fileName("trade-off", dataset), chart }];
  });
}

/** The tests other than the target that every training has a rate on, general knowledge aside. */
function retentionTasks(groups: readonly ScoreGroup[], target: string): string[] {
  const tasks = [...new Set(groups.flatMap(({ scores }) => scores.map(({ task }) => task)))];
  return tasks.filter(
    (task) =>
      task !== target &&
      !task.startsWith("mmlu_") &&
      !knowledgeTasks.some((name) => name === task) &&
      groups.every((group) => scoreOn(group, task) !== null),
  );
}

function scoreOn(group: ScoreGroup, task: string): CellScore | null {
  return cellOf(group, task).score;
}

/** The task's first metric that is a rate. */
function cellOf(group: ScoreGroup, task: string) {
  const own = group.scores.filter((score) => score.task === task && metricWording(score.metric).kind === "rate");
  return fillCell(
    own.filter((score) => score.metric === own[0]?.metric),
    [],
  );
}

function inPercent({ value, low, high }: CellScore) {
  return { value: 100 * value, low: 100 * low, high: 100 * high };
}
