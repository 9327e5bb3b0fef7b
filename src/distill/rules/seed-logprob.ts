// How likely the seed model finds the rewrite as an answer to the ordinary prompt: the distribution gap that the rewrite is to close,
// measured. Mean log-probability per token, the end token included, as training will see it.

import { z } from "zod";
import { defineRule, missingEvidence } from "./rule.js";

const error = "expected a number up to 0, or original";

export const seedLogprob = defineRule({
  reason: "is unlikely under the seed model",
  options: z.strictObject({
    /** `original`: at least that of the original answer. */
    min: z.union([z.literal("original"), z.number().max(0, { error })], { error }).default("original"),
  }),
  needs: ({ min }) => (min === "original" ? ["logprob", "original-logprob"] : ["logprob"]),
  judge: ({ logprob }, { min }) => {
    const bound = min === "original" ? logprob?.original : min;
    if (logprob === null || bound === undefined || bound === null)
      throw missingEvidence("seed-logprob", "log-probabilities");
    if (logprob.rewrite >= bound) return null;
    const whose = min === "original" ? ", the original answer's," : "";
    return {
      value: logprob.rewrite,
      detail: `mean log-probability ${logprob.rewrite.toFixed(3)}, where at least ${bound.toFixed(3)}${whose} is expected`,
    };
  },
});
