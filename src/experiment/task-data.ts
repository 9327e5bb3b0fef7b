// A task's examples, from where the user says or else from the task's own source: bundled, in the data folder, or on the hub.
import { InputError } from "../base/error.js";
import type { Example, TextExample } from "../data/example.js";
import { type LoadedDataset, loadDataset } from "../data/load-dataset.js";
import type { Shape } from "../data/shape.js";
import { bundledPath, findTaskOfDataset, getTask, isTaskName } from "../tasks/registry.js";
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
}

export async function loadTaskData(wish: DataWish): Promise<LoadedDataset> {
  const { task, data } = wish;
  if (data !== null && isTaskName(data)) return loadTaskData({ ...wish, task: getTask(data), data: null });
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
  return isTaskName(data) ? getTask(data) : findTaskOfDataset(data);
}

/** Rows of texts; rows of tokens can be trained on and scored, but not rewritten or evaluated. */
export function expectTexts(examples: readonly Example[], purpose: string): TextExample[] {
  return examples.map((example) => {
    if (example.kind === "text") return example;
    throw new InputError("data_kind", `Expected rows of text to ${purpose} but row ${example.id} holds token ids.`);
  });
}

async function loadNamed(wish: DataWish, data: string): Promise<LoadedDataset> {
  const options = { ...sampleOptions(wish), data };
  const columns = wish.task?.[wish.split]?.columns;
  try {
    return await loadDataset(options);
  } catch (error) {
    // A file with none of the usual columns may have the task's own.
    if (columns === undefined || !(error instanceof InputError) || error.code !== "data_columns") throw error;
    return loadDataset({ ...options, shape: shapeOf(columns) });
  }
}

async function loadSource(wish: DataWish, source: DataSource): Promise<LoadedDataset> {
  const bundled = bundledPath(source);
  const options = sampleOptions(wish);
  if (bundled !== null) return loadDataset({ ...options, data: bundled, shape: shapeOf(source.columns) });
  if (wish.datasetDir !== null)
    return loadDataset({ ...options, data: source.dataset, shape: shapeOf(source.columns) });
  if (source.hub === null) {
    throw new InputError(
      "data_missing",
      `The data set ${source.dataset} exists only as files: name the folder that has it in its dataset_info.json with --dataset-dir.`,
    );
  }
  const { repo, config, split, columns, convert } = source.hub;
  return loadDataset({
    ...options,
    data: repo,
    shape: shapeOf(columns),
    split,
    ...(config === null ? {} : { subset: config }),
    ...(convert === null ? {} : { convert }),
  });
}

function sampleOptions(wish: DataWish) {
  return {
    seed: wish.seed,
    shuffle: wish.order === "seeded",
    ...(wish.datasetDir === null ? {} : { datasetDir: wish.datasetDir }),
    ...(wish.maxSamples === null ? {} : { maxSamples: wish.maxSamples }),
    ...(wish.keep === undefined ? {} : { keep: wish.keep }),
  };
}

function shapeOf(columns: Columns): Shape {
  return {
    kind: "alpaca",
    prompt: columns.prompt,
    query: columns.query ?? null,
    response: columns.response ?? null,
    history: columns.history ?? null,
    system: null,
  };
}
