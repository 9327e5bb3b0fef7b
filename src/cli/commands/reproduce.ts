// sdft reproduce table1…table4 | fig4…fig9
import { defineCommand } from "../define-command.js";
import { exampleOptions } from "../options.js";

export const reproduceCommand = defineCommand({
  command: "reproduce <name> [overrides..]",
  describe: "a table or figure of the paper, on any model: table1 … table4, fig4 … fig9",
  positionals: {
    name: { describe: "table1, table2, table3, table4, fig4, fig5, fig6, fig7, fig8 or fig9" },
    overrides: { describe: "settings of examples/paper/NAME.yaml to change, as key=value", array: true },
  },
  options: {
    preset: {
      choices: ["default", "paper", "authors-main", "authors-reproduce"] as const,
      describe: "a set of choices that go together",
      defaultDescription: "paper",
    },
    scale: {
      type: "string",
      default: "full",
      describe: "full; small and smoke need little time; or a file like examples/paper/scales/small.yaml",
    },
    "dataset-dir": { type: "string", describe: "the authors' data folder, with its dataset_info.json" },
    "max-samples": { type: "number", describe: "most training examples; a sweep over sizes shrinks as a whole" },
    ...exampleOptions,
    "num-train-epochs": { type: "number", describe: "of every training" },
    "max-test-samples": { type: "number", describe: "most rows of each test" },
    "dry-run": { type: "boolean", default: false, describe: "show what would be done, with tokens and time" },
  },
  examples: [
    ["reproduce table1 --scale smoke", "every cell once, on miniature data, in a few minutes"],
    ["reproduce table1 --model llama-2-7b-chat --dataset-dir data", "the paper's own table"],
  ],
  run: async (args, context) => {
    const { reproduce } = await import("../work/reproduce.js");
    await reproduce(
      { ...args, name: args.positionals.text("name") ?? "", overrides: args.positionals.list("overrides") },
      context,
    );
  },
});
