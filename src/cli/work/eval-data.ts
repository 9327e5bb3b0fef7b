// What `sdft eval` evaluates on: prompts to answer or choices to compare, found before the model is opened and planned before it is loaded.
import { InputError } from "../../base/error.js";
import type { Reporter } from "../../base/reporter.js";
import type { TextExample } from "../../data/example.js";
import type { MemoryPlan } from "../../engine/memory-plan.js";
import { expectSamples } from "../../eval/evaluate.js";
import {
  type LoadedChoices,
  loadChoices,
  type PreparedChoices,
  planChoices,
  prepareChoices,
} from "../../experiment/choice-data.js";
import { checkLabels, type PreparedAnswers } from "../../experiment/prepare.js";
import type { Preparation } from "../../experiment/session.js";
import { stageSampling } from "../../experiment/stage-settings.js";
import { expectTexts, loadTaskData } from "../../experiment/task-data.js";
import type { Task } from "../../tasks/task.js";
import { getPreset } from "../../templates/presets.js";
import { checkMaxSamples, type SamplingArgs, samplingChanges, withSamplingArgs } from "../arguments.js";
import { commandRenderers, type DataArgs } from "./data.js";
import { type ModelArgs, planAnswers, storedSettings } from "./model.js";

export interface EvalDataArgs extends DataArgs, SamplingArgs, ModelArgs {
  readonly seed?: number | undefined;
  readonly numFewshot?: string | undefined;
}

export type LoadedWork =
  | { readonly kind: "answers"; readonly task: Task; readonly examples: readonly TextExample[] }
  | ({ readonly kind: "choices"; readonly task: Task } & LoadedChoices);

export interface PlannedWork {
  readonly job: Omit<PreparedAnswers, "grading"> | PreparedChoices;
  /** For scores.jsonl; multiple choice has none. */
  readonly template: string;
  readonly plan: MemoryPlan;
}

export async function loadWork(task: Task, args: EvalDataArgs, reporter: Reporter): Promise<LoadedWork> {
  if (task.grading !== "choice") return { kind: "answers", task, examples: await loadTest(task, args, reporter) };
  const wish = { ...dataWish(args, reporter), task, shots: readShots(args.numFewshot) };
  return { kind: "choices", task, ...(await loadChoices(wish)) };
}

export async function planWork(
  work: LoadedWork,
  args: EvalDataArgs,
  { prepared, samplesPerPrompt }: { readonly prepared: Preparation; readonly samplesPerPrompt: number },
): Promise<PlannedWork> {
  const { task } = work;
  if (work.kind === "choices") {
    const job = prepareChoices(prepared, task, work);
    return { job, template: "none", plan: planChoices(prepared.planned, job, await storedSettings(args.adapter)) };
  }
  const preset = getPreset(args.preset);
  const { infer: renderer } = await commandRenderers(prepared.prompts, args, { task, preset });
  const sampling = withSamplingArgs(stageSampling(preset, task, samplingChanges(args), args.seed ?? 0), args);
  expectSamples(task, sampling, samplesPerPrompt);
  const lengths = work.examples.map((example) => renderer.promptTokens(example).length);
  const plan = await planAnswers(prepared, lengths, sampling, args.adapter);
  return { job: { ...work, renderer, sampling, samplesPerPrompt }, template: renderer.template.name, plan };
}

/** A task's rows of texts; labels that its check can't read are told. */
export async function loadTest(task: Task, args: EvalDataArgs, reporter: Reporter): Promise<readonly TextExample[]> {
  const loaded = await loadTaskData({ ...dataWish(args, reporter), task, split: "test" });
  const examples = expectTexts(loaded.examples, "evaluate");
  checkLabels(task, examples, reporter);
  return examples;
}

/** `--num-fewshot`: a number or `leaderboard`. */
function readShots(text: string | undefined): number | "leaderboard" | null {
  if (text === undefined || text === "leaderboard") return text ?? null;
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InputError("usage", `Expected a whole number or leaderboard after --num-fewshot but received "${text}".`);
}

function dataWish(args: EvalDataArgs, reporter: Reporter) {
  return {
    data: args.data ?? null,
    datasetDir: args.datasetDir ?? null,
    maxSamples: checkMaxSamples(args.maxSamples),
    seed: args.seed ?? 0,
    order: args.shuffle ? "seeded" : "file",
    reporter,
  } as const;
}
