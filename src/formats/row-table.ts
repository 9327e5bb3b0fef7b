// What every row format gives: rows as objects, and the line of each where there are lines.

export type Row = Readonly<Record<string, unknown>>;

export interface RowTable {
  readonly rows: readonly Row[];
  /** Line (from 1) on which a row starts; null in a format without lines. */
  lineOf(index: number): number | null;
}
