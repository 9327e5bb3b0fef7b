// Equation 4 of the paper: the rewrite must still give the original answer, by the task's own check. Where that can't be read no rewrite
// can be shown to give it, so the original is kept.

import { z } from "zod";
import { isUnreadableReference } from "../../tasks/score.js";
import { defineRule } from "./rule.js";

export const wrongAnswer = defineRule({
  reason: "no longer gives the reference answer",
  options: z.strictObject({}),
  judge: ({ id, original, rewrite }, _, task) => {
    if (task?.check == null || !task.checkFilters) return null;
    try {
      if (task.check({ id, label: original, output: rewrite })) return null;
    } catch (error) {
      if (isUnreadableReference(error)) return { value: null, detail: error.message };
      throw error;
    }
    return { value: null, detail: `the check of ${task.name} fails` };
  },
});
