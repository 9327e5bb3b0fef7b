// sdft train: a LoRA adapter from data.
import { defineCommand } from "../define-command.js";
import { dataOptions, exampleOptions, profileOptions, trainingOptions } from "../options.js";

export const trainCommand = defineCommand({
  command: "train",
  describe: "train a LoRA adapter on data",
  options: {
    ...dataOptions,
    ...exampleOptions,
    ...trainingOptions,
    ...profileOptions,
    distilled: { type: "string", describe: "a distilled.jsonl: its answers replace those of --data" },
    "mix-ratio": {
      type: "number",
      describe: "share of the examples that take the distilled answer",
      defaultDescription: "1 with --distilled",
    },
  },
  examples: [["train --data train.jsonl --out adapters/mine", "train on a file"]],
  run: async (args, context) => {
    const { runTrain } = await import("../work/train.js");
    await runTrain(args, context);
  },
});
