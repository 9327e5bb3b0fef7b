// sdft inspect: what training sees of an example, token by token.
import { defineCommand } from "../define-command.js";
import { dataOptions } from "../options.js";

export const inspectCommand = defineCommand({
  command: "inspect",
  describe: "show tokens and loss mask of examples, and faults of the whole data set",
  options: {
    ...dataOptions,
    "distill-template": { type: "string", describe: "show the distilling prompt instead: using, refer or a file" },
    rows: { type: "number", default: 2, describe: "how many examples to show" },
    "cutoff-len": { type: "number", describe: "most tokens of an example", defaultDescription: "1024" },
  },
  examples: [["inspect --data train.jsonl", "which tokens are trained"]],
  run: async (args, context) => {
    const { runInspect } = await import("../work/inspect.js");
    await runInspect(args, context);
  },
});
