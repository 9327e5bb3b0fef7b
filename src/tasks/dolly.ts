// Dolly: general instructions written by people, some with a passage to read.

import { instructionTemplates } from "../templates/choose.js";
import type { Task } from "./task.js";

export const dolly = {
  name: "dolly",
  title: "General instructions (Dolly 15k)",
  train: {
    dataset: "dolly_train",
    authors: {
      path: "dolly/dolly_train.json",
      sha256: "b6ff1d8e53a551307eab4089e9c07936e3aa34cf65c916d6994cffedab0c6563",
    },
    bundled: null,
    hub: {
      repo: "databricks/databricks-dolly-15k",
      config: null,
      split: "train",
      columns: { prompt: "instruction", query: "context", response: "response" },
      convert: null,
    },
    columns: { prompt: "instruction", query: "input", response: "output" },
  },
  test: null,
  templates: instructionTemplates,
  grading: null,
  check: null,
  checkFilters: false,
  metric: null,
  training: { epochs: 2, samples: 2000 },
  maxNewTokens: 512,
} as const satisfies Task;
