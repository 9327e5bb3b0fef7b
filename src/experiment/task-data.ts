// A task's examples, from where the user says or else from the task's own source: bundled, in the data folder, or on the hub.
import { join, resolve } from "node:path";
import { InputError } from "../base/error.js";
import type { Reporter } from "../base/reporter.js";
import { type DatasetEntry, findDatasetEntry } from "../data/dataset-info.js";
import type { Example, TextExample } from "../data/example.js";
import { type LoadedDataset, loadDataset } from "../data/load-dataset.js";
import type { AlpacaShape } from "../data/shape.js";
import { exists, isFolder } from "../formats/open-file.js";
import { bundledPath, findTask, findTaskOfDataset, getTask } from "../tasks/registry.js";
import type { Columns, DataSource, Task } from "../tasks/task.js";

export interface DataWish {
  readonly task: Task | null;
  readonly split: "train" | "test";
  /** A file, a hub id, a task's name or a name of dataset_info.json; null for the task's own. */
  readonly data: string | null;
  readonly datasetDir: string | null;
  /** Null takes all. */
  readonly maxSamples: number | null;
  readonly seed: number;
  readonly order: "seeded" | "file";
  /** Examples it refuses are left out before the sample is taken. */
  readonly keep?: ((example: Example) => boolean) | undefined;
  /** Told of data that is not what it seems, or comes from elsewhere. */
  readonly reporter?: Pick<Reporter, "warn" | "note">;
}

/** The examples, with what the task puts together for its prompts. */
export async function loadTaskData(wish: DataWish): Promise<LoadedDataset> {
  const { data, datasetDir } = wish;
  if (datasetDir !== null) await expectDataFolder(datasetDir);
  const named = data === null ? null : findTask(data);
  if (named !== null) return loadTaskData({ ...wish, task: named, data: null });
  const loaded = await loadAnywhere(wish);
  const prepare = wish.task?.prepare;
  if (prepare === undefined) return loaded;
  return {
    ...loaded,
    examples: loaded.examples.map((example) => (example.kind === "text" ? prepare(example) : example)),
  };
}

/** A wrong path is told at once; it must not send every data set to the hub. */
async function expectDataFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const found = (await exists(folder)) ? "that is a file" : "there is no such folder";
  throw new InputError(
    "data_folder",
    `Expected the data folder (--dataset-dir, dataset_dir) at ${resolve(folder)}, but ${found}.`,
  );
}

async function loadAnywhere(wish: DataWish): Promise<LoadedDataset> {
  const { task, data } = wish;
  if (data !== null) return loadNamed(wish, data);
  if (task === null)
    throw new InputError("data_missing", "Expected data: name a file, a hub id or a task with --data or --task.");
  const source = task[wish.split];
  if (source === null) {
    const what = wish.split === "train" ? "to train on" : "to evaluate on";
    throw new InputError(
      "data_missing",
      `The task ${task.name} has nothing ${what}; name data of your own with --data.`,
    );
  }
  return loadSource(wish, source);
}

/** Which task the data belongs to: the one named, or the one that owns the data's name. */
export function taskFor(task: string | null, data: string | null): Task | null {
  if (task !== null) return getTask(task);
  if (data === null) return null;
  return findTask(data) ?? findTaskOfDataset(data);
}

/** Rows of texts; rows of tokens can be trained on and scored, but not rewritten or evaluated. */
export function expectTexts(examples: readonly Example[], purpose: string): TextExample[] {
  return examples.map((example) => {
    if (example.kind === "text") return example;
    throw new InputError("data_kind", `Expected rows of text to ${purpose} but row ${example.id} holds token ids.`);
  });
}

async function loadNamed(wish: DataWish, data: string): Promise<LoadedDataset> {
  const folder = wish.datasetDir === null ? {} : { datasetDir: wish.datasetDir };
  const options = { ...sampleOptions(wish), ...folder, data };
  const columns = wish.task?.[wish.split]?.columns;
  if (columns === undefined) return loadDataset(options);
  try {
    return await loadDataset({ ...options, ownShape: shapeOf(columns) });
  } catch (error) {
    // A file with none of the usual columns must have the task's own: the error then names them.
    if (!(error instanceof InputError) || error.code !== "data_columns") throw error;
    return loadDataset({ ...options, shape: shapeOf(columns) });
  }
}

async function loadSource(wish: DataWish, source: DataSource): Promise<LoadedDataset> {
  const bundled = bundledPath(source);
  const options = { ...sampleOptions(wish), shape: shapeOf(source.columns) };
  if (bundled !== null) return loadDataset({ ...options, data: bundled });
  const { datasetDir } = wish;
  const found = datasetDir === null ? null : await findInFolder(datasetDir, source);
  if (found !== null) {
    const loaded = await loadDataset({ ...options, ...found });
    compareWithAuthors(loaded, source, wish.reporter);
    return { ...loaded, source: { ...loaded.source, name: source.dataset } };
  }
  if (source.hub === null) throw notInFolder(datasetDir, source);
  const { repo, config, split, file, columns, convert } = source.hub;
  if (datasetDir !== null)
    wish.reporter?.note(`${source.dataset} is not in ${datasetDir}, so it is taken from the hub (${repo}).`);
  try {
    return await loadDataset({
      ...options,
      data: repo,
      shape: shapeOf(columns),
      split,
      ...(config === null ? {} : { subset: config }),
      ...(file === undefined ? {} : { hubFile: file }),
      ...(convert === null ? {} : { convert }),
    });
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== "data_unreachable") throw error;
    throw new InputError(
      error.code,
      `${error.message} Or name a folder with --dataset-dir that has ${inFolder(source)}.`,
      {
        cause: error,
      },
    );
  }
}

/** By its name in the folder's dataset_info.json, else by the name of the authors' file. */
async function findInFolder(
  folder: string,
  source: DataSource,
): Promise<{ readonly data: string; readonly datasetDir?: string } | null> {
  const listed = await exists(join(folder, "dataset_info.json"));
  const entry: DatasetEntry | null = listed ? await findDatasetEntry(folder, source.dataset) : null;
  // The authors' list names files that they did not publish.
  const absent = entry !== null && "file" in entry.place && !(await exists(entry.place.file));
  if (entry !== null && !(absent && source.hub !== null)) return { data: source.dataset, datasetDir: folder };
  const path = source.authors === null ? null : join(folder, source.authors.path);
  return path !== null && (await exists(path)) ? { data: path } : null;
}

/** A file under the authors' name that is not theirs is used all the same, and said: its numbers can't be set beside theirs. */
function compareWithAuthors(loaded: LoadedDataset, { authors }: DataSource, reporter: DataWish["reporter"]): void {
  const { file, sha256 } = loaded.source;
  if (authors === null || authors.sha256 === null || authors.sha256 === sha256) return;
  if (!file.replaceAll("\\", "/").endsWith(`/${authors.path}`)) return;
  reporter?.warn(
    `${file} is not the file of that name that the paper's authors used: its SHA-256 is ${sha256} and theirs ${authors.sha256}. It is used as it is.`,
  );
}

function notInFolder(folder: string | null, source: DataSource): InputError {
  const where =
    folder === null
      ? `exists only as files: name the folder that has it with --dataset-dir (${inFolder(source)})`
      : `is not in ${folder}: it needs ${inFolder(source)}`;
  return new InputError("data_missing", `The data set ${source.dataset} ${where}.`);
}

function inFolder({ dataset, authors }: DataSource): string {
  const listed = `the name ${dataset} in its dataset_info.json`;
  return authors === null ? listed : `the file ${authors.path}, or ${listed}`;
}

function sampleOptions(wish: DataWish) {
  return {
    seed: wish.seed,
    shuffle: wish.order === "seeded",
    ...(wish.maxSamples === null ? {} : { maxSamples: wish.maxSamples }),
    ...(wish.keep === undefined ? {} : { keep: wish.keep }),
  };
}

function shapeOf(columns: Columns): AlpacaShape {
  return {
    kind: "alpaca",
    prompt: columns.prompt,
    query: columns.query ?? null,
    response: columns.response ?? null,
    history: columns.history ?? null,
    system: null,
  };
}
