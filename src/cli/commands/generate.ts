// sdft generate: completions of prompts.
import { defineCommand } from "../define-command.js";
import { draftOptions, profileOptions, samplingOptions, templateOptions } from "../options.js";

export const generateCommand = defineCommand({
  command: "generate",
  describe: "complete prompts: --prompt TEXT, or a JSONL with prompt, messages or tokens",
  options: {
    ...samplingOptions,
    ...templateOptions,
    ...draftOptions,
    ...profileOptions,
    prompt: { type: "string", describe: "one prompt, taken word for word unless --template is given" },
    input: { type: "string", alias: "prompts", describe: "JSONL with id and prompt, messages or tokens" },
  },
  examples: [
    ["generate --prompt 'Hello' --template chat", "one prompt through the model's chat template"],
    ["generate --input prompts.jsonl --out answers.jsonl", "a file of prompts"],
  ],
  // Answers are kept in the file that they go to.
  onInterrupt: ({ out }) => (out === undefined ? "end" : "save"),
  run: async (args, context) => {
    const { runGenerate } = await import("../work/generate.js");
    await runGenerate(args, context);
  },
});
