// One of the paper's tables with our numbers in its rows and columns, the published ones beside them.
import type { ScoreRow } from "../../eval/prediction.js";
import { type PaperRow, type PublishedTable, placeOf } from "../paper/published.js";
import type { MissingRow, Study } from "./read-study.js";
import {
  distinctions,
  groupScores,
  type ScoreGroup,
  type TrainingKey,
  trainingId,
  varyingKeys,
} from "./score-groups.js";
import { averageCell, columnOf, fillCell, type StudyCell, type StudyRow, type StudyTable } from "./study-table.js";

/** The model behind the published numbers. */
export const papersModel = "Llama-2-7b-chat";

export function paperTable(study: Study, published: PublishedTable): StudyTable {
  const rows = published.rows.flatMap((row, place) => paperRows(study, published, { row, place }));
  const columns = published.columns.map((column) => columnOf(column.title, column, study.scores));
  const average =
    published.average === null ? [] : [{ title: "Average", task: null, metric: null, kind: "rate" as const, n: null }];
  return {
    id: published.id,
    title: `${published.name}: ${published.caption}`,
    notes: [
      `The paper's numbers (${published.name}, ${published.section}) are ${papersModel}'s; they have no intervals there.`,
    ],
    labelHeads: ["Method", "Trained on"],
    columns: [...columns, ...average],
    rows,
    footnotes: published.footnotes.map(({ text }) => text),
  };
}

/** The scores that a table of the paper has a place for. */
export function isPublishedCell(published: PublishedTable, score: ScoreRow | MissingRow): boolean {
  return (
    published.rows.some((row) => fits(row, score)) &&
    published.columns.some(({ task, metric }) => task === score.task && metric === score.metric)
  );
}

/** The trainings that fill a row: one as a rule, several where the study varies what the paper kept. */
function paperRows(study: Study, published: PublishedTable, at: { row: PaperRow; place: number }): StudyRow[] {
  const missing = study.missing.filter((row) => fits(at.row, row));
  const groups = groupScores(
    study.scores.filter((score) => fits(at.row, score)),
    missing,
  );
  const wanted: readonly (ScoreGroup | null)[] = groups.length === 0 ? [null] : groups;
  const varying = varyingKeys(groups.map(({ key }) => key));
  return wanted.map((group) => {
    const apart = group === null ? [] : distinctions(group.key, varying);
    const cells = published.columns.map(({ task, metric }, column): StudyCell => {
      const scores = (group?.scores ?? []).filter((score) => score.task === task && score.metric === metric);
      const gaps = missing.filter(
        (row) => row.task === task && row.metric === metric && (group === null || trainingId(row) === group.id),
      );
      return withPaper(fillCell(scores, gaps), published, at.place, column);
    });
    if (published.average !== null) {
      cells.push(withPaper(averageCell(cells), published, at.place, published.columns.length));
    }
    return { labels: [at.row.method, [at.row.title ?? "–", ...apart].join(", ")], cells };
  });
}

function withPaper(cell: StudyCell, published: PublishedTable, row: number, column: number): StudyCell {
  const marks = published.footnotes.flatMap(({ cells }, index) =>
    cells.some(([r, c]) => r === row && c === column) ? [index + 1] : [],
  );
  const percent = published.values[row]?.[column];
  if (percent === undefined) return { ...cell, marks };
  const text = percent.toFixed(published.decimals);
  return { ...cell, paper: { percent, text, place: placeOf(published, row, column) }, marks };
}

function fits(row: PaperRow, key: TrainingKey | MissingRow): boolean {
  if (row.variant !== key.variant) return false;
  if (row.variant === "seed") return true;
  if (row.dataset !== key.dataset) return false;
  return row.distillTemplate === null || row.distillTemplate === key.distill_template;
}
