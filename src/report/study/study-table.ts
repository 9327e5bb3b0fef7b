// A study's table before it is text: rows and columns with our value, n and interval, or why there is none, and the paper's number beside it.
import type { ScoreRow } from "../../eval/prediction.js";
import type { MetricWording } from "./metric-wording.js";
import { metricWording } from "./metric-wording.js";
import type { MissingRow } from "./read-study.js";

export interface StudyColumn {
  readonly title: string;
  /** Null for the average of the columns before it. */
  readonly task: string | null;
  readonly metric: string | null;
  readonly kind: MetricWording["kind"];
  /** Rows of the test where all cells have as many. */
  readonly n: number | null;
}

/** Our number: of one training, or the mean of several that differ in their seed alone. */
export interface CellScore {
  readonly value: number;
  /** Rows of the test; null for an average of columns. */
  readonly n: number | null;
  /** 95 % interval; null for the mean over seeds, which has a deviation. */
  readonly low: number | null;
  readonly high: number | null;
  readonly seeds: number;
  /** Sample standard deviation over the seeds. */
  readonly deviation: number | null;
}

export interface PaperNumber {
  readonly percent: number;
  /** As printed. */
  readonly text: string;
  /** Where it stands. */
  readonly place: string;
}

export interface StudyCell {
  readonly score: CellScore | null;
  /** Why there is no score. */
  readonly missing: string | null;
  readonly paper: PaperNumber | null;
  /** Numbers of footnotes, from 1. */
  readonly marks: readonly number[];
}

export interface StudyRow {
  readonly labels: readonly string[];
  readonly cells: readonly StudyCell[];
}

export interface StudyTable {
  readonly id: string;
  readonly title: string;
  /** Sentences under the table. */
  readonly notes: readonly string[];
  readonly labelHeads: readonly string[];
  readonly columns: readonly StudyColumn[];
  readonly rows: readonly StudyRow[];
  readonly footnotes: readonly string[];
}

/** One cell from the scores and missing rows that belong to it. */
export function fillCell(scores: readonly ScoreRow[], missing: readonly MissingRow[]): StudyCell {
  const empty = { paper: null, marks: [] };
  if (scores.length > 0) return { ...empty, score: overSeeds(scores), missing: null };
  const reasons = [...new Set(missing.map((row) => row.reason))];
  return { ...empty, score: null, missing: reasons.length > 0 ? reasons.join("; ") : "not run" };
}

/** One score as it is, several as their mean with the deviation between seeds. */
export function overSeeds(scores: readonly ScoreRow[]): CellScore {
  const [first] = scores;
  if (first === undefined) throw new RangeError("Expected at least one score");
  if (scores.length === 1) {
    const { value, n, low, high } = first;
    return { value, n, low, high, seeds: 1, deviation: null };
  }
  const values = scores.map((score) => score.value);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    value: mean,
    n: first.n,
    low: null,
    high: null,
    seeds: values.length,
    deviation: Math.sqrt(squares / (values.length - 1)),
  };
}

/**
 * The mean of a row's cells. Its interval combines theirs as independent ones (method of variance estimates recovery, Zou and
 * Donner 2008); the tests are different sets of questions.
 */
export function averageCell(cells: readonly StudyCell[]): StudyCell {
  const scores = cells.flatMap((cell) => cell.score ?? []);
  const empty = { paper: null, marks: [] };
  if (scores.length < cells.length) return { ...empty, score: null, missing: "needs every column before it" };
  const count = scores.length;
  const value = scores.reduce((sum, score) => sum + score.value, 0) / count;
  const reach = (side: "low" | "high"): number | null => {
    let squares = 0;
    for (const score of scores) {
      const end = score[side];
      if (end === null) return null;
      squares += (score.value - end) ** 2;
    }
    return Math.sqrt(squares) / count;
  };
  const [below, above] = [reach("low"), reach("high")];
  return {
    ...empty,
    missing: null,
    score: {
      value,
      n: null,
      low: below === null ? null : value - below,
      high: above === null ? null : value + above,
      seeds: Math.min(...scores.map((score) => score.seeds)),
      deviation: null,
    },
  };
}

/** The column of a task's metric, with its n where all given scores share one. */
export function columnOf(
  title: string,
  { task, metric }: { readonly task: string; readonly metric: string },
  scores: readonly ScoreRow[],
): StudyColumn {
  const counts = new Set(scores.filter((row) => row.task === task && row.metric === metric).map((row) => row.n));
  const [n = null] = counts;
  return { title, task, metric, kind: metricWording(metric).kind, n: counts.size === 1 ? n : null };
}

/** How many cells have no number. */
export function countMissing(tables: readonly StudyTable[]): number {
  return tables
    .flatMap((table) => table.rows)
    .flatMap((row) => row.cells)
    .filter((cell) => cell.score === null).length;
}
