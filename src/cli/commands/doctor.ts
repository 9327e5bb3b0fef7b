// sdft doctor: what this machine and this build can do.
import { defineCommand } from "../define-command.js";

export const doctorCommand = defineCommand({
  command: "doctor",
  describe: "show processor, memory, backends (and why one is off), cache folder and versions",
  options: {},
  run: async (_args, { terminal }) => {
    const { runDoctor } = await import("../work/doctor.js");
    await runDoctor(terminal);
  },
});
