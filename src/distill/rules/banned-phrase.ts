// The authors' rule for every task: the rewrite still speaks of its prompt. The list can be added to or replaced.

import { z } from "zod";
import { findPhrase, ownPhrases, promptPhrases } from "../../metrics/banned-phrases.js";
import { defineRule } from "./rule.js";

/** `file` (one phrase a line) is read into `phrases` before a rule is bound: see read-phrases.ts. */
export const bannedPhrase = defineRule({
  reason: "speaks of the reference answer or of the response",
  options: z.strictObject({
    phrases: z
      .array(
        z.string().refine((phrase) => phrase.trim() !== "", { error: "expected a phrase, not an empty text" }),
        {
          error: "expected a list of phrases",
        },
      )
      .min(1, { error: "expected at least one phrase" })
      .optional(),
    mode: z.enum(["extend", "replace"], { error: "expected extend or replace" }).optional(),
  }),
  judge: ({ rewrite }, { phrases = [], mode = "extend" }) => {
    const lists = mode === "replace" ? [ownPhrases(phrases)] : [promptPhrases, ownPhrases(phrases)];
    const found = lists.flatMap((list) => findPhrase(rewrite, list) ?? [])[0];
    if (found === undefined) return null;
    return { value: found.at, detail: `"${found.phrase}" at character ${found.at}` };
  },
});
