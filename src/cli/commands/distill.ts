// sdft distill: the model rewrites the answers of a data set in its own words.
import { defineCommand } from "../define-command.js";
import {
  dataOptions,
  distillOptions,
  draftOptions,
  exampleOptions,
  filterOptions,
  profileOptions,
  samplingOptions,
} from "../options.js";

export const distillCommand = defineCommand({
  command: "distill",
  describe: "rewrite the answers of a data set in the model's own words, and keep the rewrites that are still right",
  options: {
    ...dataOptions,
    ...exampleOptions,
    ...samplingOptions,
    ...distillOptions,
    ...profileOptions,
    attempts: { type: "number", default: 1, describe: "most attempts at a rewrite, or the samples of --choose best" },
    ...filterOptions,
    ...draftOptions,
  },
  examples: [
    [
      "distill --task openfunctions --dataset-dir data --out distilled",
      "rewrite the training answers of OpenFunctions",
    ],
    [
      "distill --data mine.json --attempts 4 --choose best --rules 'default,length-ratio(min=0.5,max=2)' --out distilled",
      "of four rewrites the one that the model finds likeliest",
    ],
  ],
  run: async (args, context) => {
    const { runDistill } = await import("../work/distill.js");
    await runDistill(args, context);
  },
});
