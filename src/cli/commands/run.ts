// sdft run EXPERIMENT.yaml [key=value …]
import { defineCommand } from "../define-command.js";
import { exampleOptions } from "../options.js";

export const runExperimentCommand = defineCommand({
  command: "run <experiment> [overrides..]",
  describe: "run an experiment or study file: distil, train both ways, evaluate, report",
  positionals: {
    experiment: { describe: "a YAML file" },
    overrides: { describe: "settings of the file to change, as key=value", array: true },
  },
  options: {
    "dataset-dir": { type: "string", describe: "folder with a dataset_info.json" },
    "max-samples": { type: "number", describe: "training examples, the first N of the seeded order" },
    ...exampleOptions,
    "dry-run": { type: "boolean", default: false, describe: "show what a study would do, with tokens and time" },
  },
  examples: [["run examples/openfunctions.yaml --dataset-dir data max_samples=256", "the paper's experiment, scaled"]],
  run: async (args, context) => {
    const { runExperimentFile } = await import("../run-experiment.js");
    await runExperimentFile(
      args.positionals.text("experiment") ?? "",
      { ...args, overrides: args.positionals.list("overrides") },
      context,
    );
  },
});
