// sdft report RUN: prints a run's table and writes its report files again.
import { defineCommand } from "../define-command.js";

export const reportCommand = defineCommand({
  command: "report <run>",
  describe: "show a run's table and write its report.html and report.md again",
  positionals: { run: { describe: "a run folder" } },
  options: {},
  run: async (args, { terminal }) => {
    const { showReport } = await import("../run-experiment.js");
    await showReport(args.positionals.text("run") ?? "", terminal);
  },
});
