// From examples to checked sequences: faults stop here, what was dropped or cut is said.
import type { Example } from "../data/example.js";
import type { ModelSpec } from "../native/types.js";
import type { PromptRenderer } from "../templates/render.js";
import type { TrainSequence } from "./batches.js";
import { encodeExamples, expectTrainable, type FaultPolicy } from "./encode.js";
import { describeProblem } from "./encode-problems.js";

export interface PrepareOptions {
  /** Null: rows of tokens only. */
  readonly renderer: PromptRenderer | null;
  readonly spec: ModelSpec;
  /** Most tokens of an example. */
  readonly cutoff: number;
  readonly policy: FaultPolicy;
  readonly warn: (sentence: string) => void;
}

export function prepareSequences(examples: readonly Example[], options: PrepareOptions): readonly TrainSequence[] {
  const { renderer, spec, cutoff, policy } = options;
  const { sequences, report } = encodeExamples(examples, renderer, {
    cutoff,
    policy,
    maxPositions: spec.maxPositions,
    vocabSize: spec.vocabSize,
  });
  expectTrainable(report);
  for (const problem of report.problems) options.warn(describeProblem(problem));
  return sequences;
}
