// Tables of a study that is none of the paper's (and of what a paper's table has no place for): a row for each training, by what varies.
import type { ScoreRow } from "../../eval/prediction.js";
import { variantTitles } from "../wording.js";
import { datasetTitle, knowledgeTasks, metricWording } from "./metric-wording.js";
import type { MissingRow, Study } from "./read-study.js";
import { groupScores, keyText, keyTitles, trainingId, varyingKeys } from "./score-groups.js";
import { columnOf, fillCell, type StudyTable } from "./study-table.js";

/** Kinds of results that get a table of their own, in order. */
const sections = [
  { id: "results", title: "Results" },
  { id: "knowledge", title: "General knowledge" },
  { id: "mmlu", title: "MMLU by subject" },
  { id: "shift", title: "Shift away from the seed model" },
  { id: "gap", title: "Gap between the training data and the seed model" },
] as const;

type SectionId = (typeof sections)[number]["id"];

/** The study's scores that `leftOut` does not claim, as tables. */
export function matrixTables(study: Study, leftOut: (row: ScoreRow | MissingRow) => boolean): StudyTable[] {
  const scores = study.scores.filter((row) => !leftOut(row));
  const missing = study.missing.filter((row) => !leftOut(row));
  return sections.flatMap(({ id, title }) => {
    const here = ({ task }: { readonly task: string }): boolean => sectionOf(task) === id;
    const part = { scores: scores.filter(here), missing: missing.filter(here) };
    return part.scores.length + part.missing.length === 0 ? [] : [matrixTable({ id, title, ...part })];
  });
}

function matrixTable(part: {
  readonly id: SectionId;
  readonly title: string;
  readonly scores: readonly ScoreRow[];
  readonly missing: readonly MissingRow[];
}): StudyTable {
  const { id, title, scores, missing } = part;
  const groups = groupScores(scores, missing);
  const varying = varyingKeys(groups.map(({ key }) => key));
  const wanted = columnsOf([...scores, ...missing]);
  return {
    id,
    title,
    notes: [],
    labelHeads: ["Model", ...varying.map((name) => keyTitles[name])],
    columns: wanted.map(({ task, metric }) => columnOf(columnTitle(task, metric, id), { task, metric }, scores)),
    rows: groups.map((group) => ({
      labels: [variantTitles[group.key.variant], ...varying.map((name) => keyText(group.key, name))],
      cells: wanted.map(({ task, metric }) => {
        const here = (row: ScoreRow | MissingRow): boolean => row.task === task && row.metric === metric;
        const gaps = missing.filter((row) => here(row) && trainingId(row) === group.id);
        return fillCell(group.scores.filter(here), gaps);
      }),
    })),
    footnotes: [],
  };
}

function columnsOf(rows: readonly (ScoreRow | MissingRow)[]): { task: string; metric: string }[] {
  const seen = new Map<string, { task: string; metric: string }>();
  for (const { task, metric } of rows) seen.set(`${task} ${metric}`, { task, metric });
  return [...seen.values()];
}

function columnTitle(task: string, metric: string, section: SectionId): string {
  const { title, unit, kind } = metricWording(metric);
  const measured = kind === "number" && unit !== null ? `${title}, ${unit}` : title;
  return section === "shift" || section === "gap" ? measured : `${datasetTitle(task)}: ${measured}`;
}

function sectionOf(task: string): SectionId {
  if (task === "shift" || task === "gap") return task;
  if (task.startsWith("mmlu_")) return "mmlu";
  return knowledgeTasks.some((name) => name === task) ? "knowledge" : "results";
}
