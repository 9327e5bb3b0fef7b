// Not in the authors' set: 31 of the 236 rewrites in their OpenFunctions file look cut at the cap (PROTOCOL §3).

import type { Rule } from "./rule.js";

export const notEnded = {
  reason: "cut at the limit of new tokens",
  rejects: ({ finish }) => finish === "length",
} as const satisfies Rule;
