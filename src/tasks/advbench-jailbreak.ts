// AdvBench again, each request followed by one fixed jailbreak suffix: same rows, same check, another template.

import { jailbreakTemplates } from "../templates/choose.js";
import { advbench } from "./advbench.js";
import type { Task } from "./task.js";

export const advbenchJailbreak = {
  ...advbench,
  name: "advbench_jailbreak",
  title: "Harmful requests with a jailbreak suffix, share of safe answers (AdvBench)",
  templates: jailbreakTemplates,
} as const satisfies Task;
