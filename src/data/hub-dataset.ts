// The files of a data set on the hub: which of a repository's files hold the wanted subset and split, and fetching them.

import { extname, join } from "node:path";
import { InputError } from "../base/error.js";
import {
  cachedSnapshot,
  fetchSnapshot,
  type HubProgress,
  type HubRepo,
  HubUnreachable,
  hubEndpoint,
  repoFolder,
  snapshotFiles,
} from "../formats/hub.js";
import { ROW_FILE_ENDINGS } from "../formats/rows.js";

export interface HubChoice {
  /** `owner/name`. */
  readonly repo: string;
  readonly subset: string | null;
  /** Null: train. */
  readonly split: string | null;
  /** This very file, whatever subset and split; null lets the names decide. */
  readonly file: string | null;
}

/** Local paths of the files, fetched unless Hugging Face's cache has them. */
export async function hubDatasetFiles(choice: HubChoice, onProgress?: HubProgress): Promise<string[]> {
  const repo: HubRepo = { type: "dataset", name: choice.repo, revision: "main" };
  const cached = await cachedSnapshot(repo);
  if (cached !== null) {
    const found = chooseFiles(await snapshotFiles(cached), choice);
    if (found.length > 0) return found.map((name) => join(cached, name));
  }
  try {
    const folder = await fetchSnapshot(repo, (names) => requireFiles(names, choice), onProgress);
    return requireFiles(await snapshotFiles(folder), choice).map((name) => join(folder, name));
  } catch (error) {
    if (!(error instanceof HubUnreachable)) throw error;
    throw new InputError(
      "data_unreachable",
      `${error.message}. Fetch it elsewhere (${hubEndpoint()}/datasets/${choice.repo}, ${wantedText(choice)}) and give the file's path, or put it under its name there into ${repoFolder(repo)}/snapshots/main/.`,
      { cause: error },
    );
  }
}

function requireFiles(names: readonly string[], choice: HubChoice): string[] {
  const found = chooseFiles(names, choice);
  if (found.length > 0) return found;
  throw new InputError(
    "data_missing",
    `${choice.repo} on ${hubEndpoint()} has no data file for ${wantedText(choice)}; its data files are ${dataFiles(names).join(", ") || "none"}.`,
  );
}

/** `subset main, split test`, or the file's name. */
function wantedText({ subset, split, file }: HubChoice): string {
  return file ?? `${subset === null ? "" : `subset ${subset}, `}split ${split ?? "train"}`;
}

/** Best format first; all files of one split come in one format. */
const PREFERENCE = [".parquet", ".jsonl", ".json", ".ndjson", ".csv", ".tsv"];
const SPLITS = /(^|[-_./])(train|training|test|testing|validation|valid|dev|eval)([-_./\d]|$)/;

/** Files of the subset (its folder, or its name in the file's) and the split; a lone file that names no split at all holds the train split. */
export function chooseFiles(
  names: readonly string[],
  { subset, split, file = null }: Pick<HubChoice, "subset" | "split"> & Partial<Pick<HubChoice, "file">>,
): string[] {
  if (file !== null) return names.filter((name) => name === file);
  const inSubset = subset === null ? dataFiles(names) : dataFiles(names).filter((name) => hasPart(name, subset));
  const wanted = split ?? "train";
  const bySplit = inSubset.filter((name) => hasPart(name, wanted));
  const unsplit = inSubset.filter((name) => !SPLITS.test(name));
  const candidates = bySplit.length > 0 ? bySplit : wanted === "train" ? unsplit : [];
  for (const ending of PREFERENCE) {
    const found = candidates.filter((name) => extname(name) === ending);
    if (found.length > 0) return found.sort();
  }
  return [];
}

function dataFiles(names: readonly string[]): string[] {
  return names.filter(
    (name) =>
      ROW_FILE_ENDINGS.some((ending) => name.endsWith(ending)) &&
      !/(^|\/)(dataset_infos?|dataset_info)\.json$/.test(name),
  );
}

/** Whether a word stands in a path as a part of its own. */
function hasPart(name: string, word: string): boolean {
  return new RegExp(`(^|[-_./])${word.replace(/[^\w]/g, "\\$&")}([-_./]|$)`).test(name);
}
