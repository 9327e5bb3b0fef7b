// The rules by name, in the order in which they are asked: the first that rejects gives the reason.

import { InputError } from "../../base/error.js";
import { bannedPhrase } from "./banned-phrase.js";
import { empty } from "./empty.js";
import { notEnded } from "./not-ended.js";
import type { Rule } from "./rule.js";
import { wrongAnswer } from "./wrong-answer.js";

export const rules = {
  empty,
  "not-ended": notEnded,
  "banned-phrase": bannedPhrase,
  "wrong-answer": wrongAnswer,
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;

export const ruleNames = Object.keys(rules) as readonly RuleName[];

/** What the authors' code checks, and no more. */
export const authorsRules: readonly RuleName[] = ["banned-phrase", "wrong-answer"];

/** Names out of an experiment file or the command line; rules are always asked in the registry's order. */
export function parseRuleNames(names: readonly string[]): RuleName[] {
  for (const name of names) {
    if (!Object.hasOwn(rules, name)) {
      throw new InputError("unknown_rule", `Expected a rule (${ruleNames.join(", ")}) but received "${name}".`);
    }
  }
  return ruleNames.filter((name) => names.includes(name));
}
