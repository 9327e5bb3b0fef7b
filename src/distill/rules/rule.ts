// A rule looks at one rewrite and may reject it; its name becomes the reason in distilled.jsonl. Rules are pure: what only a tokenizer or
// the engine can tell (token counts, log-probabilities) is in the candidate, put there by the stage (evidence.ts).

import type { z } from "zod";
import { SdftError } from "../../base/error.js";
import type { Task } from "../../tasks/task.js";

/** One rewrite beside the answer it rewrites, both trimmed. */
export interface Candidate {
  readonly id: string;
  readonly original: string;
  readonly rewrite: string;
  /** Null where it was made elsewhere and nobody says how it ended. */
  readonly finish: "stop" | "length" | null;
  /** The row's own texts that the model was shown beside the original answer: instruction, system message, earlier turns. */
  readonly shown: readonly string[];
  /** What the distillation template says around them. */
  readonly template: readonly string[];
  /** Null where no rule needs them. */
  readonly tokens: { readonly original: number; readonly rewrite: number } | null;
  /** Mean log-probability per token under the seed model; null where no rule needs it. */
  readonly logprob: { readonly original: number | null; readonly rewrite: number } | null;
}

/** What a rule reads of a candidate beyond its texts. */
export type Need = "tokens" | "logprob" | "original-logprob";

/** Why a rewrite is rejected. */
export interface Finding {
  /** The number that led to it; null where the rule has none. */
  readonly value: number | null;
  /** For people, with the number and the bound. */
  readonly detail: string;
}

export type RuleOptions = Readonly<Record<string, unknown>>;

/** How a rule is written. */
export interface RuleDefinition<Options extends RuleOptions> {
  /** For people: why a rewrite was not kept. */
  readonly reason: string;
  /** Its parameters, with their defaults. */
  readonly options: z.ZodType<Options>;
  readonly needs?: (options: Options) => readonly Need[];
  /** Null: it may be kept. `task` is null for data that belongs to none. */
  readonly judge: (candidate: Candidate, options: Options, task: Task | null) => Finding | null;
}

/** A rule whose parameters are decided. */
export interface BoundRule {
  /** With defaults filled in; empty for a rule without parameters. */
  readonly options: RuleOptions;
  readonly needs: readonly Need[];
  judge(candidate: Candidate, task: Task | null): Finding | null;
}

export interface Rule {
  readonly reason: string;
  readonly options: z.ZodType<object>;
  /** Parameters that the schema took already, or faulty ones, of which it throws zod's error. */
  bind(options: unknown): BoundRule;
}

export function defineRule<Options extends RuleOptions>(definition: RuleDefinition<Options>): Rule {
  const { reason, options: schema, needs, judge } = definition;
  return {
    reason,
    options: schema,
    bind: (given) => {
      const options = schema.parse(given);
      return {
        options,
        needs: needs?.(options) ?? [],
        judge: (candidate, task) => judge(candidate, options, task),
      };
    },
  };
}

/** A rule asked without what it needs must not let everything pass. */
export function missingEvidence(rule: string, what: string): SdftError {
  return new SdftError(
    "missing_evidence",
    `Expected ${what} for ${rule}, which goes by them, but nobody gathered them.`,
  );
}
