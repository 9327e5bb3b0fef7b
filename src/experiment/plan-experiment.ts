// Faults of the training data and the memory of every stage, before the weights are loaded and anything is written.
import type { TextExample } from "../data/example.js";
import { generationWork } from "../engine/generation-batch.js";
import { type MemoryPlan, planGeneration } from "../engine/memory-plan.js";
import type { Sampling } from "../engine/sampling.js";
import type { ModelSpec } from "../native/types.js";
import type { PromptRenderer } from "../templates/render.js";
import type { TrainSequence } from "../train/batches.js";
import { freshAdapterSettings } from "../train/config.js";
import { prepareSequences } from "../train/prepare.js";
import { fitTraining, planTrainingMemory } from "../train/training-memory.js";
import type { PreparedExperiment, PreparedTraining } from "./prepare.js";
import type { Preparation } from "./session.js";

export interface PlannedExperiment {
  /** With the size of micro-batches decided: by the examples as they are, for both variants alike. */
  readonly prepared: PreparedExperiment;
  readonly works: readonly MemoryPlan[];
}

export function planExperiment(opened: Preparation, prepared: PreparedExperiment): PlannedExperiment {
  const { planned, limit } = opened;
  const { experiment } = prepared;
  const settings = freshAdapterSettings(prepared.training, prepared.preset);
  const trains = experiment.variants.some((variant) => variant !== "seed");
  const answers = (examples: readonly TextExample[], renderer: PromptRenderer, sampling: Sampling): MemoryPlan => {
    const prompts = examples.map((example) => renderer.promptTokens(example).length);
    return planGeneration(
      planned,
      generationWork(planned.spec, prompts, sampling.maxNewTokens, trains ? settings : null),
    );
  };
  const works = prepared.evaluations.map(({ examples, renderer, sampling }) => answers(examples, renderer, sampling));
  if (experiment.variants.includes("sdft"))
    works.push(answers(prepared.examples, prepared.renderers.distill, prepared.distillSampling));
  if (!trains) return { prepared, works };
  const sequences = encodeExamples(prepared, { examples: prepared.examples, spec: planned.spec, warn: () => {} });
  const need = { sequences, settings, seed: experiment.seed };
  const training = fitTraining(prepared.training, planned, need, limit);
  works.push(planTrainingMemory(training, planned, need));
  return { prepared: { ...prepared, training }, works };
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
