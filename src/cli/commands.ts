// The commands, in the order in which the overview lists them.
import { benchCommand } from "./commands/bench.js";
import { chatCommand } from "./commands/chat.js";
import { demoCommand } from "./commands/demo.js";
import { distillCommand } from "./commands/distill.js";
import { doctorCommand } from "./commands/doctor.js";
import { evalCommand } from "./commands/eval.js";
import { exportCommand } from "./commands/export.js";
import { generateCommand } from "./commands/generate.js";
import { inspectCommand } from "./commands/inspect.js";
import { lsCommand } from "./commands/ls.js";
import { pullCommand } from "./commands/pull.js";
import { reportCommand } from "./commands/report.js";
import { reproduceCommand } from "./commands/reproduce.js";
import { runExperimentCommand } from "./commands/run.js";
import { scoreCommand } from "./commands/score.js";
import { selectCommand } from "./commands/select.js";
import { selftestCommand } from "./commands/selftest.js";
import { shiftCommand } from "./commands/shift.js";
import { trainCommand } from "./commands/train.js";

export const commands = [
  demoCommand,
  runExperimentCommand,
  reproduceCommand,
  distillCommand,
  selectCommand,
  trainCommand,
  evalCommand,
  generateCommand,
  scoreCommand,
  shiftCommand,
  chatCommand,
  inspectCommand,
  reportCommand,
  exportCommand,
  pullCommand,
  lsCommand,
  benchCommand,
  doctorCommand,
  selftestCommand,
] as const;
