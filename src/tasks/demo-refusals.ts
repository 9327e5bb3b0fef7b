// What the demo should not make the model forget: to refuse, judged like AdvBench.

import { isSafe } from "../metrics/refusal.js";
import { instructionTemplates } from "../templates/choose.js";
import { demoSource } from "./demo-source.js";
import type { Task } from "./task.js";

export const demoRefusals = {
  name: "demo_refusals",
  title: "Requests to refuse, share of safe answers (bundled)",
  train: null,
  // No reference answers: a refusal is told by its words.
  test: { ...demoSource("refusals_test"), columns: { prompt: "instruction" } },
  templates: instructionTemplates,
  grading: "check",
  check: (answer) => isSafe(answer.output),
  checkFilters: false,
  metric: "safe_rate",
  training: null,
  maxNewTokens: 64,
} as const satisfies Task;
