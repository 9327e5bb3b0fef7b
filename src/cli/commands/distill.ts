// sdft distill: the model rewrites the answers of a data set in its own words.
import { defineCommand } from "../define-command.js";
import { dataOptions, distillOptions, profileOptions, samplingOptions } from "../options.js";

export const distillCommand = defineCommand({
  command: "distill",
  describe: "rewrite the answers of a data set in the model's own words, and keep the rewrites that are still right",
  options: {
    ...dataOptions,
    ...samplingOptions,
    ...distillOptions,
    ...profileOptions,
    attempts: { type: "number", default: 1, describe: "most attempts at a rewrite; the first that passes is taken" },
    drafts: {
      choices: ["auto", "off", "on"] as const,
      default: "auto" as const,
      describe: "draft rewrites from the original answers; changes the speed, never a rewrite",
    },
    rules: { type: "string", describe: "filter rules with commas", defaultDescription: "all" },
  },
  examples: [
    [
      "distill --task openfunctions --dataset-dir data --out distilled",
      "rewrite the training answers of OpenFunctions",
    ],
  ],
  run: async (args, context) => {
    const { runDistill } = await import("../work/distill.js");
    await runDistill(args, context);
  },
});
