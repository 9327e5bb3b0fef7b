// sdft eval: a model on tasks, or outputs made elsewhere on one task.
import { defineCommand } from "../define-command.js";
import { dataOptions, gradingOptions, profileOptions, samplingOptions } from "../options.js";

export const evalCommand = defineCommand({
  command: "eval",
  describe: "evaluate a model on tasks, or score outputs made elsewhere",
  options: {
    ...dataOptions,
    ...samplingOptions,
    ...profileOptions,
    ...gradingOptions,
    tasks: { type: "string", describe: "tasks with commas" },
    "num-fewshot": {
      type: "string",
      describe: "worked examples before each multiple-choice question, or leaderboard for each task's number there",
      defaultDescription: "0",
    },
    predictions: { type: "string", describe: "score this JSONL (predict or output, label) instead of generating" },
  },
  examples: [
    ["eval --tasks gsm8k,advbench --dataset-dir data --adapter adapters/mine --out scores", "evaluate an adapter"],
    ["eval --predictions generated_predictions.jsonl --task gsm8k --out scores", "score another program's outputs"],
  ],
  run: async (args, context) => {
    const { runEval } = await import("../work/eval.js");
    await runEval(args, context);
  },
});
