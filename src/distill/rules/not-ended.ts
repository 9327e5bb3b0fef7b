// Not in the authors' set: 31 of the 236 rewrites in their OpenFunctions file look cut at the cap (PROTOCOL §3).

import { z } from "zod";
import { defineRule } from "./rule.js";

export const notEnded = defineRule({
  reason: "cut at the limit of new tokens",
  options: z.strictObject({}),
  judge: ({ finish, rewrite }) =>
    finish === "length" ? { value: rewrite.length, detail: `not ended after ${rewrite.length} characters` } : null,
});
