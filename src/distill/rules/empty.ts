// Not in the authors' set: a model that answers nothing would otherwise teach to answer nothing.

import type { Rule } from "./rule.js";

export const empty = {
  reason: "nothing was written",
  rejects: ({ rewrite }) => rewrite === "",
} as const satisfies Rule;
