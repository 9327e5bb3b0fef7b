// sdft export: a model with its adapter folded in, or the adapter alone, for other programs.
import { defineCommand } from "../define-command.js";

export const exportCommand = defineCommand({
  command: "export",
  describe: "write a model with an adapter folded in as a Hugging Face folder, or the adapter in peft's layout",
  options: {
    format: {
      choices: ["merged", "peft"] as const,
      default: "merged" as const,
      describe: "merged: the whole model, for any program that reads safetensors; peft: the adapter alone",
    },
    dtype: {
      choices: ["f32", "bf16"] as const,
      describe: "numbers of a merged model",
      defaultDescription: "bf16 where the model's own are, else f32",
    },
    "max-shard-size": { type: "string", default: "5GB", describe: "most bytes of tensors in one file" },
  },
  examples: [
    ["export --adapter adapters/mine --out merged", "the default model with an adapter folded in"],
    ["export --model model.gguf --out folder", "a GGUF as a Hugging Face folder, its numbers written out"],
  ],
  run: async (args, context) => {
    const { runExport } = await import("../work/export.js");
    await runExport(args, context);
  },
});
