// OpenHermes: general instructions written by larger models. Among the authors' data sets, though not in the paper's tables.

import { instructionTemplates } from "../templates/choose.js";
import type { Columns, Task } from "./task.js";

const columns: Columns = { prompt: "instruction", query: "input", response: "output" };

export const openhermes = {
  name: "openhermes",
  title: "General instructions (OpenHermes)",
  train: {
    dataset: "openhermes_train",
    authors: { path: "openhermes/openhermes_train.json", sha256: null },
    bundled: null,
    hub: { repo: "teknium/openhermes", config: null, split: "train", columns, convert: null },
    columns,
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
