// sdft bench: how fast this machine is at what sdft does.
import { defineCommand } from "../define-command.js";
import { profileOptions } from "../options.js";

export const benchCommand = defineCommand({
  command: "bench",
  describe: "measure this machine: kernels, training, generating, start",
  options: {
    ...profileOptions,
    case: {
      choices: ["kernels", "train", "generate", "decode-one", "scaling", "start"] as const,
      array: true,
      describe: "what to measure, once for each case; all of them take a quarter of an hour",
      defaultDescription: "kernels, train, generate, decode-one, start",
    },
    rounds: { type: "number", default: 1, describe: "runs of each, in turn, every one in a process of its own" },
    "max-samples": { type: "number", describe: "train and generate: only the first N rows of the work" },
    data: {
      type: "string",
      describe: "folder with the authors' openfunction/*.json",
      defaultDescription: "the bundled demo",
    },
  },
  examples: [
    ["bench --case train --max-samples 16 --profile", "a quick look at where training's time goes"],
    ["bench --case train --rounds 3", "tokens a second in training, the median of three runs"],
  ],
  run: async (args, context) => {
    const { runBench } = await import("../work/bench.js");
    await runBench(args, context);
  },
});
