// From a study to its cells: every combination of the matrix and every listed cell, each an ordinary experiment with one variant.
// Cells that would be the same training (vanilla at two mix ratios) are one.
import { contentHash } from "../base/content-hash.js";
import { InputError } from "../base/error.js";
import { isRecord } from "../formats/json.js";
import { type Experiment, parseExperiment, type VariantName } from "./schema.js";
import { checkShift } from "./shift-scores.js";
import type { Axis, Study, StudyCell } from "./study-schema.js";

export interface Cell {
  readonly variant: VariantName;
  /** With this variant alone. The seed's has the settings of the first cell that it is compared with. */
  readonly experiment: Experiment;
}

type Values = Readonly<Record<string, unknown>>;

/** Keys of a study that no experiment has. */
const studyKeys = ["paper", "label", "matrix", "cells", "tasks", "runs_folder", "runs"];

/** The seed's cells first, then in the order of the file: the matrix's last axis turns fastest. */
export function expandStudy(study: Study): Cell[] {
  const base = Object.fromEntries(Object.entries(study.raw).filter(([key]) => !studyKeys.includes(key)));
  const wishes = [...matrixCells(study), ...(study.settings.cells ?? [])];
  if (wishes.length === 0) {
    throw new InputError("study", `Expected matrix or cells in ${study.source}, but it has neither.`);
  }
  const cells: Cell[] = [];
  for (const [index, wish] of wishes.entries()) {
    const values = [study.settings.tasks?.[wish.task ?? study.settings.task ?? ""] ?? {}, wish].reduce<Values>(
      (merged, layer) => mergeSettings(merged, cellSettings(layer)),
      base,
    );
    const experiment = parseExperiment(values, `${study.source}, cell ${index + 1} (${describeWish(wish)})`);
    for (const variant of experiment.variants)
      cells.push({ variant, experiment: { ...experiment, variants: [variant] } });
  }
  const unique = new Map<string, Cell>();
  for (const cell of cells) {
    const key = cellIdentity(cell);
    if (!unique.has(key)) unique.set(key, cell);
  }
  const all = [...unique.values()];
  for (const { variant, experiment } of all) {
    if (variant === "seed") continue;
    checkShift(experiment, seedCellOf(experiment, all) === undefined ? "left out" : "evaluated", study.source);
  }
  return [...all.filter(({ variant }) => variant === "seed"), ...all.filter(({ variant }) => variant !== "seed")];
}

/** The seed's cell that a training is compared with. */
export function seedCellOf<One extends { readonly variant: VariantName; readonly experiment: Experiment }>(
  { seed, preset, template }: Experiment,
  all: readonly One[],
): One | undefined {
  return all.find(
    ({ variant, experiment }) =>
      variant === "seed" &&
      experiment.seed === seed &&
      experiment.preset === preset &&
      experiment.template === template,
  );
}

/** A copy with the layer's settings put over it; objects are merged, lists replaced. */
export function mergeSettings(base: Values, layer: Values): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(layer)) {
    const before = merged[key];
    merged[key] = isRecord(before) && isRecord(value) ? mergeSettings(before, value) : value;
  }
  return merged;
}

const axes: readonly Axis[] = [
  "task",
  "template",
  "seed",
  "rank",
  "samples",
  "variant",
  "distill_template",
  "mix_ratio",
];

function matrixCells({ settings }: Study): StudyCell[] {
  const { matrix } = settings;
  if (matrix === undefined) return [];
  let cells: StudyCell[] = [{}];
  for (const axis of axes) {
    const values: readonly unknown[] | undefined = matrix[axis];
    if (values === undefined) continue;
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [axis]: value })));
  }
  return cells;
}

/** A cell's short names → an experiment's settings. */
function cellSettings({ variant, distill_template, samples, rank, ...rest }: StudyCell): Values {
  let settings: Values = rest;
  if (variant !== undefined) settings = { ...settings, variants: [variant] };
  if (samples !== undefined) settings = { ...settings, max_samples: samples };
  if (distill_template !== undefined) settings = mergeSettings(settings, { distill: { template: distill_template } });
  if (rank !== undefined) settings = mergeSettings(settings, { train: { lora_r: rank } });
  return settings;
}

/** Equal for cells that are one and the same training and evaluation. */
function cellIdentity({ variant, experiment }: Cell): string {
  const { distill, mix_ratio, task, data, max_samples, max_tokens, train, gap, ...evaluated } = experiment;
  const trained = { task, data, max_samples, max_tokens, train };
  if (variant === "seed") return contentHash({ variant, ...evaluated, name: null });
  if (variant === "vanilla") return contentHash({ variant, evaluated, trained });
  return contentHash({ variant, evaluated, trained, mix_ratio, distill, gap });
}

function describeWish(wish: StudyCell): string {
  const parts = Object.entries(wish).map(([key, value]) => `${key} ${isRecord(value) ? JSON.stringify(value) : value}`);
  return parts.length === 0 ? "the settings as they are" : parts.join(", ");
}
