// dataset_info.json in LLaMA-Factory's format: names → where the rows are and which columns hold what.

import { join } from "node:path";
import { InputError } from "../base/error.js";
import { isRecord, readJsonObject } from "../formats/json.js";
import { exists } from "../formats/open-file.js";
import { type ConversationTags, MESSAGE_TAGS, SHAREGPT_TAGS, type Shape } from "./shape.js";

export interface DatasetEntry {
  readonly name: string;
  /** A file or folder beside dataset_info.json, or a repository of the hub. */
  readonly place: { readonly file: string } | { readonly hub: string };
  readonly subset: string | null;
  readonly split: string | null;
  /** The first so many of the seeded order. */
  readonly numSamples: number | null;
  /** Null: told from the columns of the rows. */
  readonly shape: Shape | null;
}

/** The entry of that name; null where the folder's dataset_info.json has none. */
export async function findDatasetEntry(folder: string, name: string): Promise<DatasetEntry | null> {
  const path = join(folder, "dataset_info.json");
  if (!(await exists(path)))
    throw new InputError(
      "dataset_info",
      `Expected a dataset_info.json in the data folder ${folder}, but there is none.`,
    );
  const info = await readJsonObject("list of data sets", path);
  if (!Object.hasOwn(info, name)) return null;
  return parseEntry(path, folder, name, info[name]);
}

/** All names of a folder's dataset_info.json. */
export async function listDatasetNames(folder: string): Promise<string[]> {
  return Object.keys(await readJsonObject("list of data sets", join(folder, "dataset_info.json")));
}

function parseEntry(path: string, folder: string, name: string, entry: unknown): DatasetEntry {
  const fault = (message: string): InputError => new InputError("dataset_info", `${path}, ${name}: ${message}.`);
  if (!isRecord(entry)) throw fault("expected an object");
  if (entry.ranking === true) throw fault("data sets of preferences (ranking) can't be used here");
  const text = (key: string): string | null => {
    const value = entry[key];
    if (value === undefined || value === null) return null;
    if (typeof value !== "string") throw fault(`expected a string at ${key}`);
    return value;
  };
  const [file, hub] = [text("file_name"), text("hf_hub_url")];
  if (file === null && hub === null) throw fault("expected file_name or hf_hub_url");
  const numSamples = entry.num_samples ?? null;
  if (numSamples !== null && !(typeof numSamples === "number" && Number.isSafeInteger(numSamples) && numSamples > 0)) {
    throw fault("expected a positive integer at num_samples");
  }
  return {
    name,
    place: file === null ? { hub: hub ?? "" } : { file: join(folder, file) },
    subset: text("subset"),
    split: text("split"),
    numSamples,
    shape: parseShape(
      text("formatting") ?? "alpaca",
      readStrings(entry.columns, "columns", fault),
      readStrings(entry.tags, "tags", fault),
      fault,
    ),
  };
}

type Fault = (message: string) => InputError;
type Strings = Readonly<Record<string, string>>;

function readStrings(value: unknown, key: string, fault: Fault): Strings | null {
  if (value === undefined || value === null) return null;
  if (!isRecord(value)) throw fault(`expected an object at ${key}`);
  const result: Record<string, string> = {};
  for (const [name, item] of Object.entries(value)) {
    if (typeof item !== "string") throw fault(`expected a string at ${key}.${name}`);
    result[name] = item;
  }
  return result;
}

const REFUSED_COLUMNS = ["chosen", "rejected", "kto_tag", "images", "videos", "audios"];

/** Given columns replace the formatting's own ones altogether, as in LLaMA-Factory. */
function parseShape(formatting: string, columns: Strings | null, tags: Strings | null, fault: Fault): Shape | null {
  const refused = REFUSED_COLUMNS.find((name) => columns !== null && Object.hasOwn(columns, name));
  if (refused !== undefined) throw fault(`the column ${refused} can't be used: only texts can be trained on`);
  switch (formatting) {
    case "alpaca":
      if (columns === null) return null;
      return {
        kind: "alpaca",
        prompt: columns.prompt ?? "instruction",
        query: columns.query ?? null,
        response: columns.response ?? null,
        history: columns.history ?? null,
        system: columns.system ?? null,
      };
    case "sharegpt":
    case "openai":
      return {
        kind: "conversation",
        messages: columns?.messages ?? (formatting === "openai" ? "messages" : "conversations"),
        system: columns?.system ?? null,
        tools: columns?.tools ?? null,
        tags: parseTags(formatting === "openai" ? MESSAGE_TAGS : SHAREGPT_TAGS, tags),
      };
    default:
      throw fault(`the formatting ${JSON.stringify(formatting)} is unknown; known are alpaca, sharegpt and openai`);
  }
}

function parseTags(defaults: ConversationTags, tags: Strings | null): ConversationTags {
  if (tags === null) return defaults;
  return {
    role: tags.role_tag ?? defaults.role,
    content: tags.content_tag ?? defaults.content,
    user: tags.user_tag ?? defaults.user,
    assistant: tags.assistant_tag ?? defaults.assistant,
    system: tags.system_tag ?? defaults.system,
    observation: tags.observation_tag ?? defaults.observation,
    function: tags.function_tag ?? defaults.function,
  };
}
