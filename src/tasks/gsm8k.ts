// GSM8K: school mathematics, answered by reasoning that ends in an integer.

import { sameLastInteger } from "../metrics/last-integer.js";
import { mathTemplates } from "../templates/choose.js";
import { expectLabel } from "./label.js";
import type { DataSource, Row, Task } from "./task.js";

const columns = { prompt: "question", response: "answer" } as const;

export const gsm8k = {
  name: "gsm8k",
  title: "School mathematics (GSM8K)",
  train: source("gsm8k_train", "train"),
  test: source("gsm8k_test", "test"),
  templates: mathTemplates,
  grading: "check",
  check: (answer) => sameLastInteger(expectLabel(answer, "gsm8k"), answer.output),
  checkFilters: true,
  metric: "accuracy",
  training: { epochs: 5, samples: null },
  maxNewTokens: 512,
} as const satisfies Task;

function source(dataset: string, split: string): DataSource {
  return {
    dataset,
    bundled: null,
    hub: { repo: "openai/gsm8k", config: "main", split, columns, convert: convertHubRow },
    columns,
  };
}

/** The hub's answers carry calculator marks and end in `#### N`; the protocol's end in `The answer is N.` (PROTOCOL §7). */
export function convertHubRow(row: Row): Row {
  if (typeof row.answer !== "string") return row;
  const answer = row.answer.replace(/<<[^>]*>>/g, "").replace(/\n#### (.*)\s*$/, "\nThe answer is $1.");
  return { ...row, answer };
}
