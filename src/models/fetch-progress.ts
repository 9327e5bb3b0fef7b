// How far a download has come; the command line turns it into a line.

export interface FetchState {
  /** What is being fetched. */
  readonly file: string;
  /** From where: `hub`, `pip`, `check`. */
  readonly source: string;
  readonly doneBytes: number;
  /** Null while unknown. */
  readonly totalBytes: number | null;
}

export type FetchProgress = (state: FetchState) => void;
