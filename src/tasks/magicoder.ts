// MagiCoder: programming problems with explained solutions. The form of a rewrite is checked, not the program in it.

import { looksLikeCodeAnswer } from "../metrics/code-answer.js";
import { instructionTemplates } from "../templates/choose.js";
import type { Task } from "./task.js";

export const magicoder = {
  name: "magicoder",
  title: "Programming problems (MagiCoder, OSS-Instruct)",
  train: {
    dataset: "magicoder_train",
    // The authors' 2,000 rows were not published with their other files.
    authors: { path: "magicoder/magicoder_train.json", sha256: null },
    bundled: null,
    hub: {
      repo: "ise-uiuc/Magicoder-OSS-Instruct-75K",
      config: null,
      split: "train",
      columns: { prompt: "problem", response: "solution" },
      convert: null,
    },
    columns: { prompt: "instruction", response: "output" },
  },
  test: null,
  templates: instructionTemplates,
  grading: null,
  check: (answer) => looksLikeCodeAnswer(answer.output),
  checkFilters: true,
  metric: null,
  training: { epochs: 2, samples: 2000 },
  maxNewTokens: 512,
} as const satisfies Task;
