// sdft chat: talk to a model.
import { defineCommand } from "../define-command.js";
import { samplingOptions } from "../options.js";

export const chatCommand = defineCommand({
  command: "chat",
  describe: "talk to a model",
  options: { ...samplingOptions, system: { type: "string", describe: "a system message" } },
  // Nothing of it is kept.
  onInterrupt: () => "end",
  run: async (args, context) => {
    const { runChat } = await import("../work/chat.js");
    await runChat(args, context);
  },
});
