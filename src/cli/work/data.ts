// The data, template and task options that several commands share, resolved.

import { InputError } from "../../base/error.js";
import type { Reporter } from "../../base/reporter.js";
import type { Example } from "../../data/example.js";
import type { LoadedDataset } from "../../data/load-dataset.js";
import { keepShort } from "../../experiment/example-tokens.js";
import { type Preparation, prepareSession } from "../../experiment/session.js";
import { type RendererWish, type StageRenderers, stageRenderers } from "../../experiment/stage-settings.js";
import { loadTaskData, taskFor } from "../../experiment/task-data.js";
import type { Task } from "../../tasks/task.js";
import { getPreset, type Preset } from "../../templates/presets.js";
import type { PromptModel } from "../../templates/prompt-model.js";
import { checkMaxSamples, sessionOptions } from "../arguments.js";
import type { Terminal } from "../terminal.js";
import type { ModelArgs } from "./model.js";

export interface DataArgs {
  readonly data?: string | undefined;
  readonly datasetDir?: string | undefined;
  readonly task?: string | undefined;
  readonly maxSamples?: number | undefined;
  readonly shuffle: boolean;
  readonly seed?: number | undefined;
  readonly template?: string | undefined;
  readonly preset: string;
}

export interface ResolvedData {
  readonly task: Task | null;
  readonly preset: Preset;
  readonly loaded: LoadedDataset;
}

export async function loadCommandData(
  args: DataArgs,
  split: "train" | "test",
  reporter: Pick<Reporter, "warn" | "note">,
  keep?: (example: Example) => boolean,
): Promise<ResolvedData> {
  const task = taskFor(args.task ?? null, args.data ?? null);
  const loaded = await loadTaskData({
    task,
    split,
    data: args.data ?? null,
    datasetDir: args.datasetDir ?? null,
    maxSamples: checkMaxSamples(args.maxSamples),
    seed: args.seed ?? 0,
    order: args.shuffle ? "seeded" : "file",
    keep,
    reporter,
  });
  return { task, preset: getPreset(args.preset), loaded };
}

export interface TrainingDataArgs extends DataArgs, ModelArgs {
  readonly maxExampleTokens?: number | undefined;
  readonly distillTemplate?: string | undefined;
}

/** The examples that train or are rewritten, and the model's files. The model comes first only where its tokenizer decides which examples are short enough. */
export async function loadTrainingData(
  args: TrainingDataArgs,
  terminal: Terminal,
): Promise<{ readonly resolved: ResolvedData; readonly prepared: Preparation }> {
  const most = args.maxExampleTokens;
  const prepare = (): Promise<Preparation> => prepareSession(sessionOptions(args, terminal));
  if (most === undefined) {
    const resolved = await loadCommandData(args, "train", terminal);
    return { resolved, prepared: await prepare() };
  }
  if (!Number.isInteger(most) || most < 2) {
    throw new InputError(
      "max_tokens",
      `Expected --max-example-tokens to be a whole number from 2 on but received ${most}.`,
    );
  }
  const prepared = await prepare();
  const wish = { task: taskFor(args.task ?? null, args.data ?? null), preset: getPreset(args.preset) };
  const renderer = prepared.prompts === null ? null : (await commandRenderers(prepared.prompts, args, wish)).train;
  return { resolved: await loadCommandData(args, "train", terminal, keepShort(renderer, most)), prepared };
}

export function commandRenderers(
  model: PromptModel | null,
  args: { readonly template?: string | undefined; readonly distillTemplate?: string | undefined },
  resolved: Pick<RendererWish, "task" | "preset">,
): Promise<StageRenderers> {
  const { task, preset } = resolved;
  return stageRenderers(model, {
    task,
    preset,
    template: args.template ?? null,
    distillTemplate: args.distillTemplate ?? null,
  });
}

/** Names with commas between, each once. */
export function splitNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}
