// Where the rows of a task come from, and which of their columns hold what.

/** The columns of a row, by LLaMA-Factory's names for what they hold. */
export interface Columns {
  readonly prompt: string;
  /** Appended to the prompt after a line feed. */
  readonly query?: string;
  readonly response?: string;
  /** Earlier turns, oldest first. */
  readonly history?: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** A public copy of the data on the Hugging Face hub. */
export interface HubSource {
  readonly repo: string;
  readonly config: string | null;
  readonly split: string;
  /** The one file of the repository, where subset and split are not told by the files' names. */
  readonly file?: string;
  readonly columns: Columns;
  /** Brings a row of the hub's copy into the protocol's form; null where they are the same. */
  readonly convert: ((row: Row) => Row) | null;
}

/** A file of the authors' data folder (PROTOCOL §7). */
export interface AuthorsFile {
  /** In the folder. */
  readonly path: string;
  /** Null where the file was never seen. */
  readonly sha256: string | null;
}

/** Where a task's rows come from: a bundled file, the data folder (by its dataset_info.json, else by the file's name), or the hub. */
export interface DataSource {
  /** The name in a dataset_info.json. */
  readonly dataset: string;
  /** Null where the authors have none. */
  readonly authors: AuthorsFile | null;
  /** A file that comes with the package, relative to its root; null where there is none. */
  readonly bundled: string | null;
  readonly hub: HubSource | null;
  /** Of the bundled file, and of a dataset_info.json that names none. */
  readonly columns: Columns;
}

/** A public set that the hub has as it is, and the authors' folder doesn't: its question stands in one column. */
export function hubSource(
  dataset: string,
  hub: { readonly repo: string; readonly config: string | null; readonly split: string; readonly prompt: string },
): DataSource {
  const { prompt, ...place } = hub;
  const columns = { prompt };
  return { dataset, authors: null, bundled: null, hub: { ...place, columns, convert: null }, columns };
}
