// sdft score: log-probabilities of given tokens.
import { defineCommand } from "../define-command.js";

export const scoreCommand = defineCommand({
  command: "score",
  describe: "log-probabilities of given tokens: a JSONL with tokens, or prompt and completion",
  options: {
    prompt: { type: "string", describe: "one text; with --completion only that is scored" },
    completion: { type: "string", describe: "what follows --prompt" },
    input: { type: "string", alias: "prompts", describe: "JSONL with id and tokens, or prompt and completion" },
  },
  examples: [["score --input rows.jsonl --out scores.jsonl", "a file of rows"]],
  run: async (args, context) => {
    const { runScore } = await import("../work/score.js");
    await runScore(args, context);
  },
});
