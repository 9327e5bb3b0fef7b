// What a stage knows of rewrites beyond their texts. Select and its rules read it and stay pure; log-probabilities are put there by
// gather-logprobs.ts, which alone asks the engine.

import { stepByStep, templates } from "../templates/registry.js";
import type { PromptRenderer } from "../templates/render.js";
import type { Template } from "../templates/template.js";
import type { NamedRule } from "./rules/registry.js";
import type { Need } from "./rules/rule.js";

/** Which rewrite a number belongs to: a sample of a row, or the row's original answer. */
export type Sample = number | "original";

export interface Evidence {
  /** What the distillation template says around a row's own texts. */
  readonly template: readonly string[];
  /** Null where there is no tokenizer. */
  readonly countTokens: ((text: string) => number) | null;
  /** Mean log-probability per token under the seed model; null where nobody asked. */
  readonly logprob: (id: string, sample: Sample) => number | null;
}

/** `first` takes the first accepted sample of a row, `best` the accepted one that the seed model finds likeliest. */
export type Choice = "first" | "best";

/** Everything that rules and choice read beyond texts. */
export function evidenceNeeds(rules: readonly NamedRule[], choose: Choice): ReadonlySet<Need> {
  return new Set([...rules.flatMap(({ needs }) => needs), ...(choose === "best" ? (["logprob"] as const) : [])]);
}

/** Of rewrites whose making nobody knows: a sentence of any of our templates counts as a leak, and there are no numbers. */
export const textEvidence: Evidence = {
  template: Object.values(templates).flatMap(templateTexts),
  countTokens: null,
  logprob: () => null,
};

/** Of rewrites made with this template. */
export function rendererEvidence(renderer: PromptRenderer, logprob: Evidence["logprob"] = () => null): Evidence {
  return {
    template: templateTexts(renderer.template),
    countTokens: (text) => renderer.pieceTokens([{ kind: "text", text }]).length,
    logprob,
  };
}

/** The words that open the model's answer are its own. */
function templateTexts({ system, user }: Template): string[] {
  return [system, user.replace(stepByStep, "")];
}
