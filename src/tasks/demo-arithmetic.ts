// What the demo should not make the model forget: short sums, judged like GSM8K.

import { sameLastInteger } from "../metrics/last-integer.js";
import { mathTemplates } from "../templates/choose.js";
import { demoSource } from "./demo-source.js";
import { expectLabel } from "./label.js";
import type { Task } from "./task.js";

export const demoArithmetic = {
  name: "demo_arithmetic",
  title: "Short sums (bundled)",
  train: null,
  test: demoSource("arithmetic_test"),
  templates: mathTemplates,
  grading: "check",
  check: (answer) => sameLastInteger(expectLabel(answer, "demo_arithmetic"), answer.output),
  checkFilters: true,
  metric: "accuracy",
  training: null,
  maxNewTokens: 96,
} as const satisfies Task;
