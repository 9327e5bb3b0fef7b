// What a study would have to fetch: found without asking the hub.
import { resolve } from "node:path";
import process from "node:process";
import { exists } from "../formats/open-file.js";
import { aliasCachePath, findAlias } from "../models/aliases.js";
import { cachedHubModel } from "../models/hub-model.js";
import { getTask } from "../tasks/registry.js";
import type { Study } from "./study-schema.js";

/** What a model's name needs fetched before anything can be counted; null where it is here. */
export async function missingModel(name: string): Promise<string | null> {
  if (await exists(resolve(name))) return null;
  const alias = findAlias(name);
  if (alias !== null) {
    const size = `${Math.round(alias.bytes / 1e6)} MB`;
    return (await exists(aliasCachePath(alias))) ? null : `the model ${alias.name}, ${size} (sdft pull ${alias.name})`;
  }
  return (await cachedHubModel(name)) === null ? `the model ${name} from the hub (sdft pull ${name})` : null;
}

/** Data sets that only the hub has, by the tasks whose cells lack them. */
export function missingData(
  study: Study,
  missing: readonly { readonly what: string; readonly reason: string }[],
): string[] {
  const trained = [
    ...(study.settings.matrix?.task ?? []),
    ...(study.settings.cells ?? []).flatMap(({ task }) => task ?? []),
  ];
  const offline = missing.filter(({ reason }) => reason.includes("HF_HUB_OFFLINE"));
  const repos = [
    ...trained.map((task) => getTask(task).train?.hub?.repo),
    ...offline.map(({ what }) => (what === "training" ? undefined : getTask(what).test?.hub?.repo)),
  ];
  return [...new Set(repos)].flatMap((repo) =>
    repo !== undefined && offline.some(({ reason }) => reason.includes(repo))
      ? [`the data set ${repo} from the hub`]
      : [],
  );
}

/** The hub is not asked: what its cache doesn't have is said to be missing, with HF_HUB_OFFLINE in the reason. */
export async function withoutHub<Result>(work: () => Promise<Result>): Promise<Result> {
  const before = process.env.HF_HUB_OFFLINE;
  process.env.HF_HUB_OFFLINE = "1";
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env.HF_HUB_OFFLINE;
    else process.env.HF_HUB_OFFLINE = before;
  }
}
