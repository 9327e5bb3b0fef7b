// Alpaca: general instructions; no program can tell a right answer, so the filter is the one for any task.

import { instructionTemplates } from "../templates/choose.js";
import type { Columns, Task } from "./task.js";

const columns: Columns = { prompt: "instruction", query: "input", response: "output" };

export const alpaca = {
  name: "alpaca",
  title: "General instructions (Stanford Alpaca)",
  train: {
    dataset: "alpaca_train",
    authors: {
      path: "alpaca/alpaca_train.json",
      sha256: "8857456d329dd0a320a03273f4d837e750cb54bb8aee90fb886301fc95f77205",
    },
    bundled: null,
    hub: { repo: "tatsu-lab/alpaca", config: null, split: "train", columns, convert: null },
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
