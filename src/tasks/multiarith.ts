// MultiArith: arithmetic word problems, a second benchmark of what GSM8K trains. Its form here exists only in the authors' folder.

import { sameLastInteger } from "../metrics/last-integer.js";
import { mathTemplates } from "../templates/choose.js";
import { expectLabel } from "./label.js";
import type { Task } from "./task.js";

export const multiarith = {
  name: "multiarith",
  title: "Arithmetic word problems (MultiArith)",
  train: null,
  test: {
    dataset: "multiarith_test",
    authors: {
      path: "multiarith_test.json",
      sha256: "001213ac68ad2c97c7115551e7032e5b840364f1a833d7ad2a902352f4323ae5",
    },
    bundled: null,
    hub: null,
    columns: { prompt: "instruction", response: "output" },
  },
  templates: mathTemplates,
  grading: "check",
  check: (answer) => sameLastInteger(expectLabel(answer, "multiarith"), answer.output),
  checkFilters: true,
  metric: "accuracy",
  training: null,
  maxNewTokens: 512,
} as const satisfies Task;
