// The paper's tables and figures as studies: examples/paper/NAME.yaml at a scale, with what the user says on top.
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyOverrides, readSettings } from "./read-experiment.js";
import { readScale, type Scale, scaleStudy } from "./scale.js";
import { type PaperName, parseStudy, type Study } from "./study-schema.js";

export interface ReproduceWish {
  readonly name: PaperName;
  /** smoke, small, full or a file. */
  readonly scale: string;
  /** Smaller still. */
  readonly limits: Scale;
  /** Null: the file's. */
  readonly preset: string | null;
  /** `key=value`, options first; they win over file and scale. */
  readonly overrides: readonly string[];
  /** The folder of all studies that share runs; null for one named after model, preset and scale. */
  readonly out: string | null;
}

/** The study, and the folder that it belongs in. */
export async function reproduceStudy(wish: ReproduceWish): Promise<{ readonly study: Study; readonly folder: string }> {
  const path = paperFile(wish.name);
  const scale = await readScale(wish.scale);
  let values = scaleStudy(scaleStudy(await readSettings(path, []), scale), wish.limits);
  if (wish.preset !== null) values = { ...values, preset: wish.preset };
  const study = parseStudy({ ...applyOverrides(values, wish.overrides), runs_folder: "../runs" }, path);
  return { study, folder: join(wish.out ?? defaultParent(study, wish), wish.name) };
}

export function paperFile(name: PaperName): string {
  return fileURLToPath(new URL(`../../examples/paper/${name}.yaml`, import.meta.url));
}

function defaultParent({ settings }: Study, { scale }: ReproduceWish): string {
  const model = basename(settings.model).replace(/\.gguf$/i, "");
  const parts = [model, settings.preset === "paper" ? null : settings.preset, basename(scale).replace(/\.ya?ml$/, "")];
  return join("runs", "paper", parts.filter((part) => part !== null).join("-"));
}
