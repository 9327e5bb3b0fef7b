// The memory of what measures a training's shift beside its own stages: the encoder, which stays loaded beside the model, and the scoring of KL and gap.
import type { TextExample } from "../data/example.js";
import { encoderWork } from "../engine/encoder.js";
import { planEmbedding } from "../engine/encoder-memory.js";
import { mostScored } from "../engine/engine.js";
import { scoringWork } from "../engine/generation-batch.js";
import { type MemoryPlan, type PlannedAdapter, planScoring } from "../engine/memory-plan.js";
import type { EncoderPackage } from "../models/encoder-package.js";
import { responseTokens } from "./example-tokens.js";
import type { PreparedAnswers, PreparedEvaluation, PreparedTraining } from "./prepare.js";
import type { Experiment } from "./schema.js";
import type { Preparation } from "./session.js";

/** Bytes that the encoder takes while it works; its weights stay until the end. */
export function encoderBytes(
  model: Pick<EncoderPackage, "spec" | "weights" | "maxTokens">,
  opened: Preparation,
): number {
  const { backend, threads } = opened.setting;
  // As it is opened for a shift: in the file's own form, whatever the model's weights.
  const form = { backend, threads, weightFormat: "native", processBytes: 0 } as const;
  return planEmbedding({ model, ...form, ...encoderWork }).peak;
}

/** The same preparation, with so many bytes of the process taken by something that stays beside the model. */
export function withBytesTaken(opened: Preparation, bytes: number): Preparation {
  return { ...opened, planned: { ...opened.planned, processBytes: opened.planned.processBytes + bytes } };
}

/** Two passes over the seed's answers for the KL, and the seed's over both targets for the gap; every answer counts as long as it may become. */
export function planShift(
  opened: Preparation,
  of: {
    readonly experiment: Pick<Experiment, "shift" | "gap">;
    readonly evaluations: readonly PreparedEvaluation[];
    readonly training: PreparedTraining;
    /** What takes its rewrite; none: no gap is measured. */
    readonly rewritten: readonly TextExample[];
    readonly adapter: PlannedAdapter;
  },
): MemoryPlan[] {
  const { shift, gap } = of.experiment;
  const plans: MemoryPlan[] = [];
  const answers = of.evaluations.find(
    (one): one is PreparedAnswers => one.kind === "answers" && one.task.name === shift?.task,
  );
  if (shift?.kl === true && answers !== undefined) {
    const { examples, renderer, sampling } = answers;
    const lengths = examples.map((example) => renderer.promptTokens(example).length + sampling.maxNewTokens);
    plans.push(scoringPlan(opened, lengths, of.adapter));
  }
  if (gap && of.rewritten.length > 0) {
    const { renderers, distillSampling } = of.training;
    const lengths = of.rewritten.map((example) => {
      const original = example.response === null ? 0 : responseTokens(renderers.train, example.response);
      return renderers.train.promptTokens(example).length + Math.max(original, distillSampling.maxNewTokens);
    });
    plans.push(scoringPlan(opened, lengths, null));
  }
  return plans;
}

function scoringPlan({ planned }: Preparation, lengths: readonly number[], adapter: PlannedAdapter | null): MemoryPlan {
  const most = mostScored(planned.spec);
  return planScoring(
    planned,
    scoringWork(
      lengths.map((length) => Math.min(length, most)),
      adapter,
    ),
  );
}
