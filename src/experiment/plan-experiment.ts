// Faults of the training data and the memory of every stage, before the weights are loaded and anything is written.
import type { TextExample } from "../data/example.js";
import { planFilter } from "../distill/filter-memory.js";
import type { AdapterSettings } from "../engine/adapter-settings.js";
import { generationWork } from "../engine/generation-batch.js";
import { fitGeneration, type MemoryPlan } from "../engine/memory-plan.js";
import type { Sampling } from "../engine/sampling.js";
import type { ModelSpec } from "../native/types.js";
import type { PromptRenderer } from "../templates/render.js";
import type { TrainSequence } from "../train/batches.js";
import { freshAdapterSettings, type ResolvedTraining } from "../train/config.js";
import { prepareSequences } from "../train/prepare.js";
import { fitTraining, planTrainingMemory } from "../train/training-memory.js";
import { planChoices } from "./choice-data.js";
import { planShift } from "./plan-shift.js";
import type { PreparedEvaluation, PreparedExperiment, PreparedTraining } from "./prepare.js";
import type { Preparation } from "./session.js";

export interface PlannedExperiment {
  /** With the size of micro-batches decided: by the examples as they are, for both variants alike. */
  readonly prepared: PreparedExperiment;
  readonly works: readonly MemoryPlan[];
}

export function planExperiment(opened: Preparation, prepared: PreparedExperiment): PlannedExperiment {
  const { experiment, evaluations } = prepared;
  const trains = experiment.variants.some((variant) => variant !== "seed");
  const works = planEvaluations(opened, evaluations, trains ? adapterOf(prepared) : null);
  if (experiment.variants.includes("sdft")) works.push(...planDistilling(opened, prepared, prepared.examples));
  if (!trains) return { prepared, works };
  const rewritten = experiment.variants.includes("sdft") && experiment.mix_ratio > 0 ? prepared.examples : [];
  works.push(
    ...planShift(opened, { experiment, evaluations, training: prepared, rewritten, adapter: adapterOf(prepared) }),
  );
  const planned = planTraining(opened, prepared);
  return { prepared: { ...prepared, training: planned.training }, works: [...works, ...planned.works] };
}

/** With the largest adapter that any variant answers with; null: the model as it is. */
export function planEvaluations(
  opened: Preparation,
  evaluations: readonly PreparedEvaluation[],
  adapter: AdapterSettings | null,
): MemoryPlan[] {
  return evaluations.map((evaluation) =>
    evaluation.kind === "choices"
      ? planChoices(opened.planned, evaluation, adapter)
      : planAnswers(opened, { ...evaluation, adapter }),
  );
}

/** Rewriting, and scoring the rewrites where a rule or the choice goes by that. */
export function planDistilling(
  opened: Preparation,
  prepared: PreparedTraining,
  examples: readonly TextExample[],
): MemoryPlan[] {
  const { renderers, rules, distillSampling: sampling } = prepared;
  const { choose } = prepared.experiment.distill;
  const answers = planAnswers(opened, {
    ...{ examples, renderer: renderers.distill, sampling, adapter: adapterOf(prepared) },
  });
  const scoring = { examples, ordinary: renderers.train, sampling, rules, choose, adapter: null };
  return [answers, planFilter(opened.planned, scoring)].filter((plan) => plan !== null);
}

/** The size of micro-batches is decided here; faults of the examples are found. */
export function planTraining(
  opened: Preparation,
  prepared: PreparedTraining,
): { readonly training: ResolvedTraining; readonly works: readonly MemoryPlan[] } {
  const { planned, limit } = opened;
  const sequences = encodeExamples(prepared, { examples: prepared.examples, spec: planned.spec, warn: () => {} });
  const need = { sequences, settings: adapterOf(prepared), seed: prepared.experiment.seed };
  const training = fitTraining(prepared.training, planned, need, limit);
  return { training, works: [planTrainingMemory(training, planned, need)] };
}

interface Answering {
  readonly examples: readonly TextExample[];
  readonly renderer: PromptRenderer;
  readonly sampling: Sampling;
  readonly adapter: AdapterSettings | null;
}

function planAnswers(
  { planned, limit }: Preparation,
  { examples, renderer, sampling, adapter }: Answering,
): MemoryPlan {
  const prompts = examples.map((example) => renderer.promptTokens(example).length);
  return fitGeneration(planned, generationWork(planned.spec, prompts, sampling.maxNewTokens, adapter), limit.bytes);
}

function adapterOf({ training, preset }: PreparedTraining): AdapterSettings {
  return freshAdapterSettings(training, preset);
}

/** As training sees them. */
export function encodeExamples(
  { renderers, training, preset }: PreparedTraining,
  from: {
    readonly examples: readonly TextExample[];
    readonly spec: ModelSpec;
    readonly warn: (sentence: string) => void;
  },
): readonly TrainSequence[] {
  return prepareSequences(from.examples, {
    renderer: renderers.train,
    spec: from.spec,
    cutoff: training.cutoff_len ?? preset.cutoff,
    policy: training.long_examples,
    warn: from.warn,
  });
}
