// The authors' rule for every task: the rewrite still speaks of its prompt.

import { findBannedPhrase } from "../../metrics/banned-phrases.js";
import type { Rule } from "./rule.js";

export const bannedPhrase = {
  reason: "speaks of the reference answer or of the response",
  rejects: ({ rewrite }) => findBannedPhrase(rewrite) !== null,
} as const satisfies Rule;
