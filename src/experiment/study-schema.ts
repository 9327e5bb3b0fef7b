// A study file: an experiment's settings, and over them a matrix or a list of cells. Each cell is an ordinary experiment with one variant.
import { z } from "zod";
import { oneOf, parseConfig, realNumber, wholeNumber } from "../base/parse-config.js";
import { experimentSchema, variantNames } from "./schema.js";

export const paperNames = [
  "table1",
  "table2",
  "table3",
  "table4",
  "fig4",
  "fig5",
  "fig6",
  "fig7",
  "fig8",
  "fig9",
] as const;
export type PaperName = (typeof paperNames)[number];

const list = <Item extends z.ZodType>(item: Item, what: string) =>
  z.array(item, { error: `expected a list of ${what}` }).min(1, { error: `expected at least one of ${what}` });
const word = (what: string) => z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` });

/** Every combination of the values is a cell; what is left out is as the rest of the file says. */
const matrixSchema = z.strictObject({
  /** Data sets to train on, by their tasks. */
  task: list(word("a task"), "tasks").optional(),
  variant: list(oneOf(variantNames), "variants").optional(),
  template: list(word("a template"), "templates").optional(),
  distill_template: list(word("using, refer or a file"), "distillation templates").optional(),
  samples: list(wholeNumber(1), "sample sizes").optional(),
  mix_ratio: list(realNumber(0, 1), "mix ratios").optional(),
  rank: list(wholeNumber(1, 256), "ranks").optional(),
  seed: list(wholeNumber(0), "seeds").optional(),
});

export type Axis = keyof z.output<typeof matrixSchema>;

/** The matrix's names for one value each, and settings of an experiment; the settings are checked with the cell they belong to. */
const cellSchema = z.strictObject({
  task: word("a task").optional(),
  variant: oneOf(variantNames).optional(),
  template: word("a template").optional(),
  distill_template: word("using, refer or a file").optional(),
  samples: wholeNumber(1).optional(),
  mix_ratio: realNumber(0, 1).optional(),
  rank: wholeNumber(1, 256).optional(),
  seed: wholeNumber(0).optional(),
  data: word("a file or a name of dataset_info.json").optional(),
  max_tokens: wholeNumber(2).nullable().optional(),
  distill: z.record(z.string(), z.unknown()).optional(),
  train: z.record(z.string(), z.unknown()).optional(),
});

const { task, ...settings } = experimentSchema.shape;

export const studySchema = z.strictObject({
  ...settings,
  /** What is trained, where the matrix or the cells don't say. */
  task: task.optional(),
  /** The table or figure that the study reproduces. */
  paper: oneOf(paperNames).nullable().default(null),
  /** `smoke`: miniature data; stands on everything printed and written. */
  label: oneOf(["smoke"]).nullable().default(null),
  matrix: matrixSchema.optional(),
  cells: list(cellSchema, "cells").optional(),
  /** Settings of the cells that train one task: `tasks: {lima: {max_tokens: 1024}}`. */
  tasks: z.record(z.string(), cellSchema.omit({ task: true, variant: true })).optional(),
  /** Where the run folders are, relative to the study's own; several studies may share one. */
  runs_folder: word("a folder").default("runs"),
  /** Written into a study's own study.yaml: its run folders. Not read. */
  runs: z.array(z.string()).optional(),
});

export type StudyMatrix = z.output<typeof matrixSchema>;
export type StudyCell = z.output<typeof cellSchema>;
export type StudySettings = z.output<typeof studySchema>;

/** A checked study file, and its text as values: cells are made from what was written, before defaults. */
export interface Study {
  readonly settings: StudySettings;
  readonly raw: Readonly<Record<string, unknown>>;
  /** For messages. */
  readonly source: string;
}

/** Whether a file is a study and not a single experiment. */
export function isStudy(value: Readonly<Record<string, unknown>>): boolean {
  return "matrix" in value || "cells" in value;
}

export function parseStudy(value: Readonly<Record<string, unknown>>, source: string): Study {
  return { settings: parseConfig(studySchema, value, source), raw: value, source };
}
