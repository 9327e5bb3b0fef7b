// sdft doctor: what this machine and this build can do, and what work on a model would take.
import { defineCommand } from "../define-command.js";

export const doctorCommand = defineCommand({
  command: "doctor",
  describe:
    "show processor, memory, backends (and why one is off), cache folder and versions; with --model or --batch the memory that a model's work takes",
  options: {
    batch: {
      type: "number",
      describe: "examples of an update, and prompts to answer: plan the memory of --model",
      defaultDescription: "8 with --model",
    },
    length: { type: "number", describe: "tokens of an example, and of a prompt with its answer", default: 512 },
    "micro-batch-tokens": {
      type: "number",
      describe: "most rows of a micro-batch",
      defaultDescription: "by the shapes of model and adapter",
    },
    activations: { choices: ["store", "recompute"] as const, default: "store" as const, describe: "as for train" },
    "lora-r": { type: "number", alias: "lora-rank", default: 8 },
    "lora-target": { type: "string", describe: "names with commas, or all", default: "q_proj,v_proj" },
  },
  examples: [["doctor --model smollm2-135m-instruct --batch 8 --length 256", "what training and generating take"]],
  run: async (args, { terminal }) => {
    const { runDoctor } = await import("../work/doctor.js");
    const { runMemoryPlan } = await import("../work/memory-plan.js");
    // A model is planned for as the paper trains it, unless told otherwise.
    const batch = args.batch ?? (args.model === undefined ? undefined : 8);
    if (batch === undefined) await runDoctor(terminal);
    else await runMemoryPlan({ ...args, batch }, terminal);
  },
});
