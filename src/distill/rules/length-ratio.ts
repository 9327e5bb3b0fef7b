// The rewrite's length against the original answer's: a much shorter one has lost something, a much longer one rambles.

import { z } from "zod";
import { realNumber } from "../../base/parse-config.js";
import { defineRule, missingEvidence } from "./rule.js";

export const lengthRatio = defineRule({
  reason: "much shorter or much longer than the original answer",
  options: z
    .strictObject({
      min: realNumber(0).default(0.3),
      max: realNumber(0).default(3),
      unit: z.enum(["characters", "tokens"], { error: "expected characters or tokens" }).default("characters"),
    })
    .refine(({ min, max }) => min <= max, { error: "expected min to be at most max" }),
  needs: ({ unit }) => (unit === "tokens" ? ["tokens"] : []),
  judge: ({ original, rewrite, tokens }, { min, max, unit }) => {
    const counts = unit === "tokens" ? tokens : { original: [...original].length, rewrite: [...rewrite].length };
    if (counts === null) throw missingEvidence("length-ratio", "token counts");
    // An empty answer counts as one of a single unit, so that a ratio is always a number.
    const value = counts.rewrite / Math.max(1, counts.original);
    if (value >= min && value <= max) return null;
    const bound = value < min ? `at least ${min}` : `at most ${max}`;
    return {
      value,
      detail: `${counts.rewrite} ${unit} for ${counts.original}: ${value.toFixed(2)}, where ${bound} is expected`,
    };
  },
});
