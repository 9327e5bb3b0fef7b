// Equation 4 of the paper: the rewrite must still give the original answer, by the task's own check.

import type { Rule } from "./rule.js";

export const wrongAnswer = {
  reason: "no longer gives the reference answer",
  rejects: ({ id, original, rewrite }, task) =>
    task?.check != null && task.checkFilters && !task.check({ id, label: original, output: rewrite }),
} as const satisfies Rule;
