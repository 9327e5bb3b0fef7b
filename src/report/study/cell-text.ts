// A cell of a study's table in words, the same in Markdown, HTML and on the terminal.
import { notPublished } from "../paper/published.js";
import { writeNumber } from "./metric-wording.js";
import type { CellScore, StudyCell, StudyColumn, StudyTable } from "./study-table.js";

export interface CellText {
  /** `36.6 %`, or `missing (reason)`. */
  readonly value: string;
  /** `[28.1, 46.0]`, `± 1.3 over 3 seeds`; null where there is none. */
  readonly spread: string | null;
  /** `n = 112` where the column doesn't say it. */
  readonly n: string | null;
  /** `paper 36.6`. */
  readonly paper: string | null;
}

export function cellText(cell: StudyCell, column: StudyColumn): CellText {
  const paper = cell.paper === null ? null : `paper ${cell.paper.text}`;
  if (cell.score === null) return { value: `missing (${cell.missing})`, spread: null, n: null, paper };
  const { score } = cell;
  return {
    value: `${writeNumber(score.value, column.kind)}${column.kind === "rate" ? " %" : ""}`,
    spread: spreadText(score, column),
    n: score.n === null || column.n !== null ? null : `n = ${score.n}`,
    paper,
  };
}

/** The cell in one line. */
export function cellLine(cell: StudyCell, column: StudyColumn): string {
  const { value, spread, n, paper } = cellText(cell, column);
  const ours = [value, spread, n].filter((part) => part !== null).join(" ");
  const marks =
    cell.marks.length > 0 && paper !== null ? ` (${cell.marks.map((mark) => `note ${mark}`).join(", ")})` : "";
  return paper === null ? ours : `${ours}; ${paper}${marks}`;
}

/** `GSM8K, n = 112`. */
export function headText(column: StudyColumn): string {
  return column.n === null ? column.title : `${column.title}, n = ${column.n}`;
}

/** What a reader of the table must know: how to read brackets, whose numbers the paper's are. */
export function tableNotes(table: StudyTable): string[] {
  const scores = table.rows.flatMap((row) => row.cells).flatMap((cell) => cell.score ?? []);
  const notes = scores.some((score) => score.low < score.value || score.value < score.high)
    ? ["95 % intervals in brackets."]
    : [];
  if (scores.some((score) => score.seeds > 1))
    notes.push("±: standard deviation between the seeds; their interval is by Student's t.");
  if (table.columns.some((column) => column.task === null)) {
    notes.push("The average's interval takes the columns' as independent.");
  }
  return [...notes, ...table.notes];
}

/** The sentence that stands for a figure's published numbers. */
export function figureNote(name: string, section: string): string {
  return `The paper's ${name} (${section}): ${notPublished}.`;
}

function spreadText({ value, low, high, seeds, deviation }: CellScore, column: StudyColumn): string | null {
  const parts = [];
  // What is exact, such as a norm, has no interval.
  if (low < value || value < high) parts.push(`[${writeNumber(low, column.kind)}, ${writeNumber(high, column.kind)}]`);
  if (deviation !== null) parts.push(`± ${writeNumber(deviation, column.kind)} over ${seeds} seeds`);
  return parts.length === 0 ? null : parts.join(" ");
}
