// The work of a case as token ids in a file, so that every system does the same: {"rows": [{"tokens", "labels"}]}.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { TextExample } from "#sdft/data/example.js";
import { loadDataset } from "#sdft/data/load-dataset.js";
import { chatModel } from "#sdft/models/chat-template.js";
import type { ModelPackage } from "#sdft/models/package.js";
import { presets } from "#sdft/templates/presets.js";
import { templates } from "#sdft/templates/registry.js";
import { createPromptRenderer, type PromptRenderer } from "#sdft/templates/render.js";
import { encodeExamples, expectTrainable } from "#sdft/train/encode.js";

const rowsSchema = z.object({
  rows: z.array(z.object({ tokens: z.array(z.int()), labels: z.array(z.int()).optional() })).min(1),
});

/** `labels` are not shifted and hold -100 where there is no loss; prompts have none. */
export type WorkRow = z.output<typeof rowsSchema>["rows"][number];

export interface WorkOptions {
  readonly model: ModelPackage;
  /** The folder of the authors' data (openfunction/…). */
  readonly data: string;
  /** Where the file goes. */
  readonly folder: string;
}

/** The first rows of distilled_openfunction.json as training examples, preset `paper`. Returns the file. */
export async function writeTrainingRows(options: WorkOptions, count: number): Promise<string> {
  const examples = await firstExamples(join(options.data, "openfunction", "distilled_openfunction.json"), count);
  const { maxPositions, vocabSize } = options.model.spec;
  const limits = { cutoff: presets.paper.cutoff, maxPositions, vocabSize, policy: "error" } as const;
  const { sequences, report } = encodeExamples(examples, renderer(options.model, "alpaca"), limits);
  expectTrainable(report);
  const rows = sequences.map(({ tokens, labels }) => ({ tokens: [...tokens], labels: [...labels] }));
  return writeRows(join(options.folder, "training-rows.json"), rows);
}

/** The first rows of openfunction_train.json as rewriting prompts, template `alpaca_distill_using`. Returns the file. */
export async function writeDistillPrompts(options: WorkOptions, count: number): Promise<string> {
  const examples = await firstExamples(join(options.data, "openfunction", "openfunction_train.json"), count);
  const prompts = renderer(options.model, "alpaca_distill_using");
  const rows = examples.map((example) => ({ tokens: prompts.promptTokens(example) }));
  return writeRows(join(options.folder, "distill-prompts.json"), rows);
}

export async function readRows(path: string): Promise<WorkRow[]> {
  return rowsSchema.parse(JSON.parse(await readFile(path, "utf8"))).rows;
}

async function writeRows(path: string, rows: readonly WorkRow[]): Promise<string> {
  await writeFile(path, JSON.stringify({ rows }));
  return path;
}

async function firstExamples(data: string, count: number): Promise<TextExample[]> {
  const { examples } = await loadDataset({ data, maxSamples: count, shuffle: false });
  return examples.flatMap((example) => (example.kind === "text" ? [example] : []));
}

function renderer(model: ModelPackage, template: "alpaca" | "alpaca_distill_using"): PromptRenderer {
  const prompts = chatModel(model);
  if (prompts === null) throw new Error(`${model.name} has no tokenizer, and this case starts from texts.`);
  return createPromptRenderer(templates[template], presets.paper, prompts);
}
