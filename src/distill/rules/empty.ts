// Not in the authors' set: a model that answers nothing would otherwise teach to answer nothing.

import { z } from "zod";
import { defineRule } from "./rule.js";

export const empty = defineRule({
  reason: "nothing was written",
  options: z.strictObject({}),
  judge: ({ rewrite }) => (rewrite === "" ? { value: 0, detail: "0 characters" } : null),
});
