// sdft select: the filters alone, on rewrites made elsewhere.
import { defineCommand } from "../define-command.js";
import { dataOptions, distillOptions, filterOptions } from "../options.js";

export const selectCommand = defineCommand({
  command: "select",
  describe: "apply the filters to rewrites made elsewhere",
  options: {
    ...dataOptions,
    predictions: { type: "string", describe: "JSONL with predict (or output), label, and id or the data's order" },
    rewrites: { type: "string", describe: "the rewrites.jsonl of sdft distill, to filter it in another way" },
    ...filterOptions,
    ...distillOptions,
  },
  examples: [
    [
      "select --predictions generated_predictions.jsonl --data train.json --task gsm8k --out distilled",
      "filter another program's rewrites",
    ],
  ],
  run: async (args, context) => {
    const { runSelect } = await import("../work/select.js");
    await runSelect(args, context);
  },
});
