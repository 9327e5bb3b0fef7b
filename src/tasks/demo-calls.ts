// The skill that the demo trains: function calls, judged like OpenFunctions.

import { containsCall } from "../metrics/function-call.js";
import { instructionTemplates } from "../templates/choose.js";
import { demoSource } from "./demo-source.js";
import { expectLabel } from "./label.js";
import type { Task } from "./task.js";

export const demoCalls = {
  name: "demo_calls",
  title: "Function calls (bundled)",
  train: demoSource("calls_train"),
  test: demoSource("calls_test"),
  templates: instructionTemplates,
  grading: "check",
  check: (answer) => containsCall(expectLabel(answer, "demo_calls"), answer.output, answer.id),
  checkFilters: true,
  metric: "accuracy",
  training: { epochs: 3, samples: null },
  maxNewTokens: 96,
} as const satisfies Task;
