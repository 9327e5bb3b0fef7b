// The memory of judging rewrites: scoring them, where a rule or the choice goes by log-probabilities.
import type { TextExample } from "../data/example.js";
import { scoringWork } from "../engine/generation-batch.js";
import { type MemoryPlan, type PlannedAdapter, type PlannedModel, planScoring } from "../engine/memory-plan.js";
import type { Sampling } from "../engine/sampling.js";
import type { PromptRenderer } from "../templates/render.js";
import { type Choice, evidenceNeeds } from "./evidence.js";
import { answerRow } from "./gather-logprobs.js";
import { bindRules, type RuleSetting } from "./rules/registry.js";

export interface FilterNeed {
  readonly examples: readonly TextExample[];
  /** The ordinary prompt. */
  readonly ordinary: PromptRenderer;
  readonly sampling: Sampling;
  readonly rules: readonly RuleSetting[];
  readonly choose: Choice;
  readonly adapter: PlannedAdapter | null;
}

/** Null where nothing is scored. Every rewrite counts as long as it may become. */
export function planFilter(model: PlannedModel, need: FilterNeed): MemoryPlan | null {
  const { examples, ordinary, sampling, rules, choose, adapter } = need;
  if (!evidenceNeeds(bindRules(rules), choose).has("logprob")) return null;
  const lengths = examples.flatMap((example) => {
    const rewrite = ordinary.promptTokens(example).length + sampling.maxNewTokens;
    const original = answerRow(ordinary, { example, text: example.response ?? "" }).tokens.length;
    return [Math.min(Math.max(rewrite, original), model.spec.maxPositions)];
  });
  return planScoring(model, scoringWork(lengths, adapter));
}
