// The shape of a published table: which cells it has, what stands in them, and where. "SDFT" is Yang et al. 2024, arXiv 2402.13669.

/** Which of a study's scores belong in a row of the table. */
export interface PaperRow {
  /** As the paper writes it: `Vanilla FT`, `SDFT (Ours)`. */
  readonly method: string;
  /** As the paper writes it; null for the seed model. */
  readonly title: string | null;
  readonly variant: "seed" | "vanilla" | "sdft";
  /** The training task; null for the seed model. */
  readonly dataset: string | null;
  /** Null where the table does not tell templates apart. */
  readonly distillTemplate: "using" | "refer" | null;
}

export interface PaperColumn {
  readonly title: string;
  readonly task: string;
  readonly metric: string;
}

/** A mark on published numbers; `cells` are row and column, from 0. */
export interface PaperFootnote {
  readonly text: string;
  readonly cells: readonly (readonly [row: number, column: number])[];
}

export interface PublishedTable {
  readonly kind: "table";
  readonly id: string;
  /** `Table 1`. */
  readonly name: string;
  readonly caption: string;
  /** Where in the paper. */
  readonly section: string;
  readonly rows: readonly PaperRow[];
  readonly columns: readonly PaperColumn[];
  /** In percent, by row and column; the last column is the average where there is one. */
  readonly values: readonly (readonly number[])[];
  /** How many decimals the paper prints. */
  readonly decimals: 1 | 2;
  readonly average: "last column" | null;
  readonly footnotes: readonly PaperFootnote[];
}

export interface PublishedFigure {
  readonly kind: "figure";
  readonly id: string;
  /** `Figure 5`. */
  readonly name: string;
  readonly caption: string;
  readonly section: string;
  /** What it draws. */
  readonly shows:
    | "knowledge"
    | "performance by sample size"
    | "shift by sample size"
    | "performance by mix ratio"
    | "shift by mix ratio"
    | "similarity histogram";
}

export type Published = PublishedTable | PublishedFigure;

/** What stands beside our numbers of a figure. */
export const notPublished = "not published as numbers";

/** `Table 1, SDFT (Ours), GSM8K, column HumanEval`: where a number stands. */
export function placeOf(table: PublishedTable, row: number, column: number): string {
  const { method, title } = table.rows[row] ?? { method: "", title: null };
  const heading = table.columns[column]?.title ?? "Average";
  return [table.name, method, ...(title === null ? [] : [title]), `column ${heading}`].join(", ");
}
