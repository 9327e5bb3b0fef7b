// sdft selftest: every kernel of a backend against the reference, in seconds.
import { defineCommand } from "../define-command.js";

export const selftestCommand = defineCommand({
  command: "selftest",
  describe: "check every kernel of --device against plain loops; says pass, or the first wrong element",
  options: {},
  examples: [["selftest --device cuda", "what to run first on a new card"]],
  onInterrupt: "end",
  run: async (args, { terminal }) => {
    const { runSelfTest } = await import("../work/selftest.js");
    await runSelfTest(args.device, terminal);
  },
});
