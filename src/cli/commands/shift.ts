// sdft shift: how far a training moved the model, in its answers, its weights and its distributions.
import { defineCommand } from "../define-command.js";
import { templateOptions } from "../options.js";

export const shiftCommand = defineCommand({
  command: "shift",
  describe: "measure how far training moved a model: answers, weights, distributions",
  options: {
    ...templateOptions,
    task: { type: "string", describe: "what the data is; says which prompts it goes into" },
    reference: { type: "string", describe: "the seed model's answers (predictions.jsonl)" },
    predictions: { type: "string", describe: "the trained model's answers to the same prompts" },
    similarity: { type: "boolean", default: true, describe: "--no-similarity leaves the embeddings out" },
    encoder: { type: "string", describe: "the encoder of the similarity", defaultDescription: "all-minilm-l6-v2" },
    data: {
      type: "string",
      describe: "distilled.jsonl: how likely --model finds its original and its distilled answers",
    },
  },
  examples: [
    [
      "shift --reference runs/a/seed/advbench/predictions.jsonl --predictions runs/a/sdft/advbench/predictions.jsonl --adapter runs/a/sdft --out shift",
      "answers and weights",
    ],
    ["shift --data runs/a/sdft/distilled.jsonl --model smollm2-135m-instruct --out gap", "the gap before training"],
  ],
  run: async (args, context) => {
    const { runShift } = await import("../work/shift.js");
    await runShift(args, context);
  },
});
