// A study's table before it is text: rows and columns with our value, n and interval, or why there is none, and the paper's number beside it.
import type { ScoreRow } from "../../eval/prediction.js";
import { averageScores, summariseSeeds } from "../../metrics/combined-scores.js";
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
  /** 95 % interval; over several seeds by Student's t. */
  readonly low: number;
  readonly high: number;
  readonly seeds: number;
  /** Sample standard deviation between the seeds; null for one seed and for an average of columns. */
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

/** One score as it is, several as their mean with the deviation between seeds. A seed that stands twice counts once. */
export function overSeeds(scores: readonly ScoreRow[]): CellScore {
  const bySeed = new Map(scores.map(({ seed, value, n, low, high }) => [seed, { seed, value, n, low, high }]));
  const [summary] = summariseSeeds([...bySeed.values()]);
  if (summary === undefined) throw new RangeError("Expected at least one score but received none");
  const { mean, n, low, high, seeds, deviation } = summary;
  return { value: mean, n, low, high, seeds: seeds.length, deviation };
}

/** The mean of a row's cells; its interval takes them as independent, since the tests are different sets of questions. */
export function averageCell(cells: readonly StudyCell[]): StudyCell {
  const scores = cells.flatMap((cell) => cell.score ?? []);
  const empty = { paper: null, marks: [] };
  if (scores.length === 0 || scores.length < cells.length)
    return { ...empty, score: null, missing: "needs every column before it" };
  const seeds = Math.min(...scores.map((score) => score.seeds));
  return { ...empty, missing: null, score: { ...averageScores(scores), n: null, seeds, deviation: null } };
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
