// sdft report FOLDER: prints the tables of a run or a study and writes its report files again.
import { defineCommand } from "../define-command.js";

export const reportCommand = defineCommand({
  command: "report <folder>",
  describe: "show the tables of a run or a study and write its report files again",
  positionals: { folder: { describe: "a run folder, or a study's" } },
  options: {},
  run: async (args, { terminal }) => {
    const { showReport } = await import("../work/report.js");
    await showReport(args.positionals.text("folder") ?? "", terminal);
  },
});
