// Equation 4 of the paper: the rewrite must still give the original answer, by the task's own check.

import { z } from "zod";
import { defineRule } from "./rule.js";

export const wrongAnswer = defineRule({
  reason: "no longer gives the reference answer",
  options: z.strictObject({}),
  judge: ({ id, original, rewrite }, _, task) => {
    if (task?.check == null || !task.checkFilters) return null;
    if (task.check({ id, label: original, output: rewrite })) return null;
    return { value: null, detail: `the check of ${task.name} fails` };
  },
});
