// The rules by name, in the order in which they are asked: the first that rejects gives the reason. The one that needs the engine comes last,
// so that only what passed all others is scored.

import { parseConfig } from "../../base/parse-config.js";
import { bannedPhrase } from "./banned-phrase.js";
import { copy } from "./copy.js";
import { empty } from "./empty.js";
import { leakedPrompt } from "./leaked-prompt.js";
import { lengthRatio } from "./length-ratio.js";
import { notEnded } from "./not-ended.js";
import type { BoundRule, Rule } from "./rule.js";
import { seedLogprob } from "./seed-logprob.js";
import { wrongAnswer } from "./wrong-answer.js";

export const rules = {
  empty,
  "not-ended": notEnded,
  "banned-phrase": bannedPhrase,
  "wrong-answer": wrongAnswer,
  "length-ratio": lengthRatio,
  copy,
  "leaked-prompt": leakedPrompt,
  "seed-logprob": seedLogprob,
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;

export const ruleNames = Object.keys(rules) as readonly RuleName[];

/** A rule as configurations have it: its name, or its name with parameters. */
export type RuleSetting = RuleName | { readonly [name in RuleName]?: Readonly<Record<string, unknown>> };

/** What is asked where nothing is said. */
export const defaultRules: readonly RuleName[] = ["empty", "not-ended", "banned-phrase", "wrong-answer"];

/** What the authors' code checks, and no more. */
export const authorsRules: readonly RuleName[] = ["banned-phrase", "wrong-answer"];

/** Names that stand for several rules. */
export const rulePresets = { default: defaultRules, authors: authorsRules } as const satisfies Record<
  string,
  readonly RuleName[]
>;

export type RulePreset = keyof typeof rulePresets;

export interface NamedRule extends BoundRule {
  readonly name: RuleName;
}

export function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(rules, name);
}

export function isRulePreset(name: string): name is RulePreset {
  return Object.hasOwn(rulePresets, name);
}

/** The rules with their parameters, in the registry's order. Faulty parameters are one InputError; of a rule named twice the later setting counts. */
export function bindRules(settings: readonly RuleSetting[], source = "the rules"): NamedRule[] {
  const given = new Map<RuleName, unknown>();
  for (const setting of settings) {
    if (typeof setting === "string") given.set(setting, given.get(setting) ?? {});
    else for (const name of ruleNames) if (setting[name] !== undefined) given.set(name, setting[name]);
  }
  return ruleNames.flatMap((name) => {
    if (!given.has(name)) return [];
    const rule: Rule = rules[name];
    const options = parseConfig(rule.options, given.get(name), `${name} in ${source}`);
    return [{ name, ...rule.bind(options) }];
  });
}

/** What a stage's hash has of the rules: a rule without parameters by its name alone. */
export function ruleSettings(bound: readonly NamedRule[]): RuleSetting[] {
  return bound.map(({ name, options }) => (Object.keys(options).length === 0 ? name : { [name]: options }));
}
