// sdft demo: the whole comparison on a small model and the bundled data.
import { fileURLToPath } from "node:url";
import { defineCommand } from "../define-command.js";

export const demoCommand = defineCommand({
  command: "demo [overrides..]",
  describe: "the whole comparison in a few minutes, on a small model and bundled data",
  positionals: { overrides: { describe: "settings of examples/demo.yaml to change, as key=value", array: true } },
  options: {
    "dataset-dir": { type: "string", describe: "folder with a dataset_info.json" },
    "max-samples": { type: "number", describe: "training examples, and most rows of each test" },
  },
  run: async (args, context) => {
    const { runExperimentFile } = await import("../run-experiment.js");
    const file = fileURLToPath(new URL("../../../examples/demo.yaml", import.meta.url));
    const overrides = args.positionals.list("overrides");
    await runExperimentFile(file, { ...args, overrides, limitTests: args.maxSamples }, context);
  },
});
