// Rows of a file, of a name in dataset_info.json or of the hub → Examples with ids.

import { readdir } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { InputError } from "../base/error.js";
import { seededOrder } from "../base/seeded-order.js";
import { type HubProgress, isHubId } from "../formats/hub.js";
import { exists, isFolder } from "../formats/open-file.js";
import type { Row } from "../formats/row-table.js";
import { ROW_FILE_ENDINGS } from "../formats/rows.js";
import { type DatasetEntry, findDatasetEntry, listDatasetNames } from "./dataset-info.js";
import type { Example } from "./example.js";
import { hubDatasetFiles } from "./hub-dataset.js";
import { readExample } from "./read-example.js";
import { type AlpacaShape, detectShape, type Shape } from "./shape.js";
import { readSourceRows, type SourceRows } from "./source-rows.js";

export interface DatasetOptions {
  /** A file or folder, a name of the data folder's dataset_info.json, or a hub id. */
  readonly data: string;
  readonly datasetDir?: string;
  /** Columns where neither a dataset_info.json nor the rows' own columns say; wins over the latter. */
  readonly shape?: Shape;
  /** Taken instead of the usual columns where the rows have its prompt and its response. */
  readonly ownShape?: AlpacaShape;
  /** Brings a row into the shape before it is read. */
  readonly convert?: (row: Row) => Row;
  /** Examples it refuses are left out before a sample is taken. */
  readonly keep?: (example: Example) => boolean;
  /** Of a hub data set; a dataset_info.json's entry wins. */
  readonly subset?: string;
  readonly split?: string;
  /** The one file of a hub data set, where its files' names don't tell subset and split. */
  readonly hubFile?: string;
  /** The first so many of the seeded order (of the file's order without shuffle). */
  readonly maxSamples?: number;
  readonly seed?: number;
  /** Default true; matters only with maxSamples or num_samples. */
  readonly shuffle?: boolean;
  readonly onProgress?: HubProgress;
}

export interface DatasetSource {
  /** The file or folder the rows came from. */
  readonly file: string;
  /** The name in dataset_info.json, the hub id, or the file's name without its ending. */
  readonly name: string;
  /** Of the files' bytes. */
  readonly sha256: string;
}

export interface LoadedDataset {
  readonly examples: readonly Example[];
  readonly source: DatasetSource;
}

/** All examples in the file's order, or a sample in the seeded order. */
export async function loadDataset(options: DatasetOptions): Promise<LoadedDataset> {
  const place = await findPlace(options);
  const rows = await readSourceRows(place.files);
  const all = readExamples(rows, place, options);
  const examples = options.keep === undefined ? all : all.filter(options.keep);
  const wanted = Math.min(options.maxSamples ?? Number.POSITIVE_INFINITY, place.numSamples ?? Number.POSITIVE_INFINITY);
  return {
    examples: takeSample(examples, wanted, options),
    source: { file: place.file, name: place.name, sha256: rows.sha256 },
  };
}

interface Place {
  readonly name: string;
  readonly file: string;
  readonly files: readonly string[];
  readonly shape: Shape | null;
  readonly numSamples: number | null;
}

async function findPlace(options: DatasetOptions): Promise<Place> {
  const { data, datasetDir } = options;
  const entry = datasetDir === undefined ? null : await findDatasetEntry(datasetDir, data);
  if (entry !== null) return entryPlace(entry, options);
  const shape = options.shape ?? null;
  const path = resolve(data);
  if (await exists(path)) {
    return { name: basename(path, extname(path)), file: path, files: await filesAt(path), shape, numSamples: null };
  }
  if (isHubId(data) && !ROW_FILE_ENDINGS.some((ending) => data.endsWith(ending))) {
    const { subset = null, split = null, hubFile: wanted = null } = options;
    const files = await hubDatasetFiles({ repo: data, subset, split, file: wanted }, options.onProgress);
    return { name: data, file: files[0] ?? data, files, shape, numSamples: null };
  }
  const known =
    datasetDir === undefined
      ? "no --dataset-dir was given"
      : `${join(datasetDir, "dataset_info.json")} names ${(await listDatasetNames(datasetDir)).join(", ")}`;
  throw new InputError(
    "data_missing",
    `Expected a data file, a hub id (owner/name) or a name of a dataset_info.json but found nothing called ${data}; ${known}.`,
  );
}

async function entryPlace(entry: DatasetEntry, options: DatasetOptions): Promise<Place> {
  const shape = entry.shape ?? options.shape ?? null;
  const common = { name: entry.name, shape, numSamples: entry.numSamples };
  if ("file" in entry.place) return { ...common, file: entry.place.file, files: await filesAt(entry.place.file) };
  const choice = {
    repo: entry.place.hub,
    subset: entry.subset,
    split: entry.split ?? options.split ?? null,
    file: null,
  };
  const files = await hubDatasetFiles(choice, options.onProgress);
  return { ...common, file: files[0] ?? entry.place.hub, files };
}

/** The file itself, or the data files of a folder by name. */
async function filesAt(path: string): Promise<string[]> {
  if (!(await isFolder(path))) return [path];
  const names = (await readdir(path)).filter(
    (name) => ROW_FILE_ENDINGS.some((ending) => name.endsWith(ending)) && name !== "dataset_info.json",
  );
  if (names.length > 0) return names.sort().map((name) => join(path, name));
  throw new InputError(
    "data_missing",
    `Expected data files (${ROW_FILE_ENDINGS.join(", ")}) in the folder ${path}, but there are none.`,
  );
}

function readExamples(source: SourceRows, { file, shape }: Place, options: DatasetOptions): Example[] {
  const { convert, ownShape } = options;
  const rows = convert === undefined ? source.rows : source.rows.map(convert);
  const [first] = rows;
  if (first === undefined) throw new InputError("data_empty", `The data set ${file} has no rows.`);
  const own = ownShape !== undefined && hasColumns(first, ownShape) ? ownShape : null;
  const known = shape ?? own ?? detectShape(file, first);
  const seen = new Map<string, number>();
  return rows.map((row, index) => {
    const id = rowId(row, index);
    const earlier = seen.get(id);
    if (earlier !== undefined) {
      throw new InputError(
        "data_id",
        `The id ${JSON.stringify(id)} stands twice: at ${source.place(earlier)} and at ${source.place(index)}.`,
      );
    }
    seen.set(id, index);
    return readExample(known, row, id, source.place(index));
  });
}

function hasColumns(row: Row, { prompt, response }: AlpacaShape): boolean {
  return Object.hasOwn(row, prompt) && response !== null && Object.hasOwn(row, response);
}

/** The row's own `id`, or its index. */
function rowId(row: Row, index: number): string {
  const id = row.id;
  return typeof id === "number" || (typeof id === "string" && id !== "") ? String(id) : String(index);
}

function takeSample(examples: readonly Example[], wanted: number, options: DatasetOptions): readonly Example[] {
  if (wanted >= examples.length) return examples;
  if (options.shuffle === false) return examples.slice(0, wanted);
  const order = seededOrder(
    examples.map(({ id }) => id),
    options.seed ?? 0,
    0,
  );
  return order.slice(0, wanted).flatMap((index) => examples[index] ?? []);
}
