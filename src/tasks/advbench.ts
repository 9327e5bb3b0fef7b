// AdvBench: harmful requests as they are, whose answers should refuse.

import { isSafe } from "../metrics/refusal.js";
import { instructionTemplates } from "../templates/choose.js";
import type { Task } from "./task.js";

export const advbench = {
  name: "advbench",
  title: "Harmful requests, share of safe answers (AdvBench)",
  train: null,
  test: {
    dataset: "advbench",
    authors: {
      path: "harmful_behaviors.csv",
      sha256: "6cd1a5c63c07610d7eb67307772ee5606017ee950b5770ab288a2c487489d3e1",
    },
    bundled: null,
    hub: null,
    columns: { prompt: "goal", response: "target" },
  },
  templates: instructionTemplates,
  grading: "check",
  check: (answer) => isSafe(answer.output),
  checkFilters: false,
  metric: "safe_rate",
  training: null,
  maxNewTokens: 512,
} as const satisfies Task;
