// Studies made smaller: fewer examples, epochs and test rows, the same in every cell. A sweep over sample sizes shrinks as a whole.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { InputError } from "../base/error.js";
import { parseConfig, wholeNumber } from "../base/parse-config.js";
import { isRecord } from "../formats/json.js";
import { getTask, isTaskName } from "../tasks/registry.js";
import { mergeSettings } from "./expand-study.js";
import { readSettings } from "./read-experiment.js";

const scaleSchema = z.strictObject({
  /** Most training examples; the largest size of a sweep becomes this, the others shrink with it. */
  samples: wholeNumber(1).optional(),
  epochs: z.number({ error: "expected a number over 0" }).positive({ error: "expected a number over 0" }).optional(),
  /** Of each test: most rows, and most new tokens of an answer. */
  test_samples: wholeNumber(1).optional(),
  test_tokens: wholeNumber(1).optional(),
  /** Most new tokens of a rewrite. */
  distill_tokens: wholeNumber(1).optional(),
  /** Any further settings of a study, put over the file's. */
  settings: z.record(z.string(), z.unknown()).optional(),
});

export type Scale = z.output<typeof scaleSchema>;

type Values = Readonly<Record<string, unknown>>;

/** The name of a scale that comes with the package, or a file. `full` changes nothing. */
export async function readScale(name: string): Promise<Scale> {
  if (name === "full") return {};
  const bundled = ["smoke", "small"].includes(name);
  const path = bundled
    ? fileURLToPath(new URL(`../../examples/paper/scales/${name}.yaml`, import.meta.url))
    : resolve(name);
  const values = await readSettings(path, []).catch((error: unknown) => {
    if (!(error instanceof InputError) || error.code !== "experiment_missing") throw error;
    throw new InputError(
      "scale",
      `Expected smoke, small, full or a file as --scale but there is nothing to read at ${path}.`,
    );
  });
  const scale = parseConfig(scaleSchema, values, path);
  return scale.settings === undefined ? scale : { ...scale, settings: resolveFolders(scale.settings, dirname(path)) };
}

/** Folders that the package's own files name are relative to them. */
function resolveFolders(settings: Values, folder: string): Record<string, unknown> {
  const { dataset_dir: data, shift } = settings;
  return {
    ...settings,
    ...(typeof data === "string" ? { dataset_dir: resolve(folder, data) } : {}),
    ...(isRecord(shift) && typeof shift.encoder === "string" && shift.encoder.startsWith(".")
      ? { shift: { ...shift, encoder: resolve(folder, shift.encoder) } }
      : {}),
  };
}

/** A study's values, before they are checked, at another scale. */
export function scaleStudy(values: Values, scale: Scale): Record<string, unknown> {
  let scaled: Record<string, unknown> = { ...values };
  if (scale.samples !== undefined) scaled = scaleSamples(scaled, scale.samples);
  if (scale.epochs !== undefined) scaled = mergeSettings(scaled, { train: { num_train_epochs: scale.epochs } });
  if (scale.distill_tokens !== undefined) {
    const { distill } = scaled;
    const own = isRecord(distill) ? distill.max_new_tokens : undefined;
    scaled = mergeSettings(scaled, { distill: { max_new_tokens: smaller(own, scale.distill_tokens) } });
  }
  if (Array.isArray(scaled.evaluate)) scaled.evaluate = scaled.evaluate.map((entry) => scaleEntry(entry, scale));
  // A study without shift doesn't get one from the settings of a scale.
  const { shift, ...settings } = scale.settings ?? {};
  scaled = mergeSettings(scaled, settings);
  return isRecord(scaled.shift) && isRecord(shift) ? mergeSettings(scaled, { shift }) : scaled;
}

function scaleSamples(values: Values, most: number): Record<string, unknown> {
  const { matrix, cells } = values;
  const sizes: unknown = isRecord(matrix) ? matrix.samples : undefined;
  const swept = Array.isArray(sizes) ? sizes.filter((size) => typeof size === "number") : [];
  const largest = Math.max(...swept);
  const shrink = (size: number): number => Math.max(1, Math.round((size * Math.min(most, largest)) / largest));
  return {
    ...values,
    max_samples: smaller(values.max_samples, most),
    ...(isRecord(matrix) && swept.length > 0
      ? { matrix: { ...matrix, samples: [...new Set(swept.map(shrink))] } }
      : {}),
    ...(Array.isArray(cells)
      ? { cells: cells.map((cell) => (isRecord(cell) ? { ...cell, samples: smaller(cell.samples, most) } : cell)) }
      : {}),
  };
}

function scaleEntry(entry: unknown, { test_samples: rows, test_tokens: tokens }: Scale): unknown {
  const settings: Values = isRecord(entry) ? entry : { task: entry };
  const name = settings.task;
  const generates = !(typeof name === "string" && isTaskName(name)) || getTask(name).grading !== "choice";
  return {
    ...settings,
    ...(rows === undefined ? {} : { max_samples: smaller(settings.max_samples, rows) }),
    ...(tokens === undefined || !generates ? {} : { max_new_tokens: smaller(settings.max_new_tokens, tokens) }),
  };
}

/** The number given, unless the file's own is smaller. */
function smaller(own: unknown, most: number): number {
  return typeof own === "number" ? Math.min(own, most) : most;
}
