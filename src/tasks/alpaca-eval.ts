// AlpacaEval: open instructions whose answers a strong model compares with text-davinci-003's (the label).

import { instructionTemplates } from "../templates/choose.js";
import type { Columns, Task } from "./task.js";

const columns: Columns = { prompt: "instruction", response: "output" };

export const alpacaEval = {
  name: "alpaca_eval",
  title: "Open instructions, wins against text-davinci-003 (AlpacaEval)",
  train: null,
  test: {
    dataset: "alpaca_eval",
    authors: {
      path: "alpaca_eval.json",
      sha256: "3ef9dc5d89d85a37a06d3d904ebfcb38312409eda89f38ab5db28869742c5cd8",
    },
    bundled: null,
    hub: {
      repo: "tatsu-lab/alpaca_eval",
      config: "alpaca_eval",
      split: "eval",
      file: "alpaca_eval.json",
      columns,
      convert: null,
    },
    columns,
  },
  templates: instructionTemplates,
  grading: "judge",
  check: null,
  checkFilters: false,
  metric: "win_rate",
  training: null,
  maxNewTokens: 512,
} as const satisfies Task;
