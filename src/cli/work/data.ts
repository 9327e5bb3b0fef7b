// The data, template and task options that several commands share, resolved.
import type { Reporter } from "../../base/reporter.js";
import type { LoadedDataset } from "../../data/load-dataset.js";
import { type RendererWish, type StageRenderers, stageRenderers } from "../../experiment/stage-settings.js";
import { loadTaskData, taskFor } from "../../experiment/task-data.js";
import type { Task } from "../../tasks/task.js";
import { getPreset, type Preset } from "../../templates/presets.js";
import type { PromptModel } from "../../templates/prompt-model.js";
import { checkMaxSamples } from "../arguments.js";

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
    reporter,
  });
  return { task, preset: getPreset(args.preset), loaded };
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
