// From a task, a preset and what the user changed to the renderers and the sampling of each stage.
import { InputError } from "../base/error.js";
import type { Sampling } from "../engine/sampling.js";
import { readText } from "../formats/open-file.js";
import type { Task } from "../tasks/task.js";
import { chooseTemplates, detectFamily, instructionTemplates } from "../templates/choose.js";
import { parseDistillTemplate } from "../templates/distill-file.js";
import type { Preset } from "../templates/presets.js";
import type { PromptModel } from "../templates/prompt-model.js";
import { createPromptRenderer, type PromptRenderer } from "../templates/render.js";
import type { Template } from "../templates/template.js";

export interface StageRenderers {
  readonly train: PromptRenderer;
  readonly infer: PromptRenderer;
  readonly distill: PromptRenderer;
}

export interface RendererWish {
  /** Null: ordinary instructions. */
  readonly task: Task | null;
  readonly preset: Preset;
  /** A template or a family; null lets the model decide. */
  readonly template: string | null;
  /** using, refer, or the path of a file; null for the preset's. */
  readonly distillTemplate: string | null;
}

export async function stageRenderers(model: PromptModel | null, wish: RendererWish): Promise<StageRenderers> {
  if (model === null) {
    throw new InputError("no_tokenizer", "This model has no tokenizer, so it serves only rows of tokens or input_ids.");
  }
  const chosen = chooseTemplates({
    sets: wish.task?.templates ?? instructionTemplates,
    template: wish.template,
    distill: await distillWish(model, wish),
    chatTemplate: model.chatTemplate,
  });
  const render = (template: Template): PromptRenderer => createPromptRenderer(template, wish.preset, model);
  return { train: render(chosen.train), infer: render(chosen.infer), distill: render(chosen.distill) };
}

async function distillWish(model: PromptModel, wish: RendererWish): Promise<"using" | "refer" | Template> {
  const { distillTemplate: path } = wish;
  if (path === null) return wish.preset.distill;
  if (path === "using" || path === "refer") return path;
  const source = await readText("distillation template (using, refer or a file)", path);
  const chat = wish.template === null ? detectFamily(model.chatTemplate) === "chat" : wish.template.startsWith("chat");
  return parseDistillTemplate(source, path, chat ? "chat" : "alpaca");
}

/** What the user may change of a stage's sampling, under the names of experiment files. */
export interface SamplingChanges {
  readonly temperature?: number | undefined;
  readonly top_k?: number | undefined;
  readonly top_p?: number | undefined;
  readonly min_p?: number | undefined;
  readonly repetition_penalty?: number | undefined;
  readonly max_new_tokens?: number | undefined;
}

/** The preset's sampling with the changes; answers are at most as long as preset and task say. */
export function stageSampling(preset: Preset, task: Task | null, changes: SamplingChanges, seed: number): Sampling {
  return {
    seed,
    temperature: changes.temperature ?? (task?.greedy ? 0 : preset.sampling.temperature),
    topK: changes.top_k ?? preset.sampling.topK,
    topP: changes.top_p ?? preset.sampling.topP,
    minP: changes.min_p ?? 0,
    repetitionPenalty: changes.repetition_penalty ?? 1,
    maxNewTokens: changes.max_new_tokens ?? Math.min(preset.maxNewTokens, task?.maxNewTokens ?? preset.maxNewTokens),
    minNewTokens: 0,
    endTokens: "stop",
    stop: task?.stop ?? [],
  };
}
