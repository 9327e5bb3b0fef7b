// What the cases compute on, as token ids: rows of the authors' OpenFunctions where their folder is given, else of the bundled demo.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TextExample } from "../data/example.js";
import { loadDataset } from "../data/load-dataset.js";
import { chatModel } from "../models/chat-template.js";
import type { ModelPackage } from "../models/package.js";
import { presets } from "../templates/presets.js";
import { templates } from "../templates/registry.js";
import { createPromptRenderer, type PromptRenderer } from "../templates/render.js";
import { encodeExamples, expectTrainable } from "../train/encode.js";

/** `labels` are not shifted and hold -100 where there is no loss; prompts have none. */
export interface WorkRow {
  readonly tokens: readonly number[];
  readonly labels?: readonly number[] | undefined;
  /** The original answer's tokens, which a rewrite may be drafted from. */
  readonly draft?: readonly number[] | undefined;
}

export interface WorkSource {
  readonly model: ModelPackage;
  /** The folder of the authors' data (openfunction/…); null: the demo's training set, which comes with the package. */
  readonly data: string | null;
}

const bundled = fileURLToPath(new URL("../../examples/demo/calls_train.json", import.meta.url));

/** The first rows as training examples, preset `paper`. */
export async function trainingRows(source: WorkSource, count: number): Promise<WorkRow[]> {
  const examples = await firstExamples(dataFile(source, "distilled_openfunction.json"), count);
  const { maxPositions, vocabSize } = source.model.spec;
  const limits = { cutoff: presets.paper.cutoff, maxPositions, vocabSize, policy: "error" } as const;
  const { sequences, report } = encodeExamples(examples, renderer(source.model, "alpaca"), limits);
  expectTrainable(report);
  return sequences.map(({ tokens, labels }) => ({ tokens: [...tokens], labels: [...labels] }));
}

/** The first rows as rewriting prompts, template `alpaca_distill_using`. */
export async function rewritingPrompts(source: WorkSource, count: number): Promise<WorkRow[]> {
  const examples = await firstExamples(dataFile(source, "openfunction_train.json"), count);
  const prompts = renderer(source.model, "alpaca_distill_using");
  return examples.map((example) => ({
    tokens: [...prompts.promptTokens(example)],
    draft: prompts.pieceTokens([{ kind: "text", text: example.response ?? "" }, { kind: "end" }]),
  }));
}

function dataFile({ data }: WorkSource, name: string): string {
  return data === null ? bundled : join(data, "openfunction", name);
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
