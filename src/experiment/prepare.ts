// Everything an experiment needs, loaded and checked before anything is written: data, renderers, sampling, encoded examples.
import { InputError } from "../base/error.js";
import type { Reporter } from "../base/reporter.js";
import type { TextExample } from "../data/example.js";
import { checkReferences } from "../distill/distill.js";
import { parseRules } from "../distill/rules/parse-rules.js";
import type { RuleSetting } from "../distill/rules/registry.js";
import type { Sampling } from "../engine/sampling.js";
import { expectSamples } from "../eval/evaluate.js";
import { expectGradable } from "../eval/evaluate-task.js";
import type { GradingSettings } from "../eval/grading.js";
import { readJudgeSettings } from "../eval/judge/settings.js";
import { getTask } from "../tasks/registry.js";
import { faultSentence, scoreAnswers } from "../tasks/score.js";
import type { Task } from "../tasks/task.js";
import { getPreset, type Preset } from "../templates/presets.js";
import type { PromptRenderer } from "../templates/render.js";
import { type TrainingConfig, withTaskEpochs } from "../train/config.js";
import { loadChoices, type PreparedChoices, prepareChoices } from "./choice-data.js";
import { keepShort } from "./example-tokens.js";
import type { EvaluationEntry, Experiment } from "./schema.js";
import type { Preparation } from "./session.js";
import { type StageRenderers, stageRenderers, stageSampling } from "./stage-settings.js";
import { expectTexts, loadTaskData } from "./task-data.js";

/** Prompts to answer, or choices to compare. */
export type PreparedEvaluation = PreparedAnswers | PreparedChoices;

export interface PreparedAnswers {
  readonly kind: "answers";
  readonly task: Task;
  readonly examples: readonly TextExample[];
  readonly renderer: PromptRenderer;
  readonly sampling: Sampling;
  /** Answers to each prompt. */
  readonly samplesPerPrompt: number;
  readonly grading: GradingSettings;
}

/** What distilling and training need. */
export interface PreparedTraining {
  readonly experiment: Experiment;
  readonly task: Task;
  readonly preset: Preset;
  /** What the model is trained on, by name. */
  readonly dataset: string;
  /** SHA-256 of the file it came from. */
  readonly dataHash: string;
  readonly examples: readonly TextExample[];
  readonly renderers: StageRenderers;
  readonly distillSampling: Sampling;
  readonly rules: readonly RuleSetting[];
  readonly training: TrainingConfig;
}

export interface PreparedExperiment extends PreparedTraining {
  readonly evaluations: readonly PreparedEvaluation[];
}

export async function prepareExperiment(prepared: Preparation, experiment: Experiment): Promise<PreparedExperiment> {
  const training = await prepareTraining(prepared, experiment);
  const evaluations = [];
  for (const entry of experiment.evaluate) evaluations.push(await prepareEvaluation(prepared, experiment, entry));
  return { ...training, evaluations };
}

export async function prepareTraining(prepared: Preparation, experiment: Experiment): Promise<PreparedTraining> {
  const task = getTask(experiment.task);
  const preset = getPreset(experiment.preset);
  const renderers = await stageRenderers(prepared.prompts, {
    task,
    preset,
    template: experiment.template,
    distillTemplate: experiment.distill.template ?? null,
  });
  const loaded = await loadTaskData({
    task,
    split: "train",
    data: experiment.data,
    datasetDir: experiment.dataset_dir,
    maxSamples: experiment.max_samples ?? task.training?.samples ?? null,
    seed: experiment.seed,
    order: experiment.train.shuffle ? "seeded" : "file",
    keep: experiment.max_tokens === null ? undefined : keepShort(renderers.train, experiment.max_tokens),
    reporter: prepared.reporter,
  });
  const examples = expectTexts(loaded.examples, "train on in an experiment");
  const rules = await parseRules(experiment.distill.rules, "distill.rules");
  if (experiment.variants.includes("sdft")) checkReferences(examples, task, rules);
  return {
    experiment,
    task,
    preset,
    dataset: loaded.source.name,
    dataHash: loaded.source.sha256,
    examples,
    renderers,
    distillSampling: stageSampling(preset, task, experiment.distill, experiment.seed),
    rules,
    training: withTaskEpochs(experiment.train, task.training?.epochs),
  };
}

export async function prepareEvaluation(
  prepared: Preparation,
  experiment: Experiment,
  entry: EvaluationEntry,
): Promise<PreparedEvaluation> {
  const preset = getPreset(experiment.preset);
  const task = getTask(entry.task);
  const grading = await gradingSettings(task, experiment);
  await expectGradable(task, grading);
  const wish = {
    task,
    data: entry.data ?? null,
    datasetDir: experiment.dataset_dir,
    maxSamples: entry.max_samples ?? null,
    seed: experiment.seed,
    order: "seeded",
    reporter: prepared.reporter,
  } as const;
  const shots = entry.num_fewshot ?? null;
  if (task.grading === "choice") return prepareChoices(prepared, task, await loadChoices({ ...wish, shots }));
  if (shots !== null)
    throw new InputError("few_shot", `num_fewshot is of multiple-choice tasks, and ${task.name} is none of them.`);
  const loaded = await loadTaskData({ ...wish, split: "test" });
  const renderers = await stageRenderers(prepared.prompts, {
    task,
    preset,
    template: experiment.template,
    distillTemplate: null,
  });
  const examples = expectTexts(loaded.examples, "evaluate");
  checkLabels(task, examples, prepared.reporter);
  const sampling = stageSampling(preset, task, entry, experiment.seed);
  const samplesPerPrompt = entry.samples_per_prompt ?? 1;
  expectSamples(task, sampling, samplesPerPrompt);
  return { kind: "answers", task, examples, renderer: renderers.infer, sampling, samplesPerPrompt, grading };
}

/** A judge whose key is missing is no matter of the tasks that need none. */
async function gradingSettings(task: Task, { judge, allow_unsafe_execution }: Experiment): Promise<GradingSettings> {
  return {
    allowUnsafeExecution: allow_unsafe_execution,
    judge: judge === undefined || task.grading !== "judge" ? null : await readJudgeSettings(judge),
  };
}

/** A label that the task's check can't read is told now, and not after generating; where it can read none, that is an error. */
export function checkLabels(task: Task, examples: readonly TextExample[], reporter: Pick<Reporter, "warn">): void {
  const { faults } = scoreAnswers(
    task,
    examples.map(({ id, response }) => ({ id, label: response, output: "" })),
  );
  for (const fault of faults) reporter.warn(faultSentence(task, fault));
}
