// The rewrite is the original answer again, to the letter or nearly: training on it is vanilla fine-tuning.

import { z } from "zod";
import { realNumber, wholeNumber } from "../../base/parse-config.js";
import { collapseSpaces, stripText } from "../../metrics/python-text.js";
import { sharedRuns } from "../../metrics/word-overlap.js";
import { defineRule } from "./rule.js";

/** `share`: of the rewrite's runs of `n` words, at least so many stand in the original; 1 asks for the same text (white space aside). */
export const copy = defineRule({
  reason: "copies the original answer",
  options: z.strictObject({
    share: realNumber(0.01, 1).default(1),
    n: wholeNumber(1, 50).default(4),
  }),
  judge: ({ original, rewrite }, { share, n }) => {
    if (plain(rewrite) === plain(original)) return { value: 1, detail: "the same text" };
    if (share === 1) return null;
    const value = sharedRuns(rewrite, original, n);
    if (value < share) return null;
    return {
      value,
      detail: `${(100 * value).toFixed(0)} % of its runs of ${n} words stand in the original, where under ${(100 * share).toFixed(0)} % is expected`,
    };
  },
});

function plain(text: string): string {
  return stripText(collapseSpaces(text));
}
