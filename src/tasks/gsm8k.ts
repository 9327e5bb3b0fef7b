// GSM8K: school mathematics, answered by reasoning that ends in an integer.

import { sameLastInteger } from "../metrics/last-integer.js";
import { mathTemplates } from "../templates/choose.js";
import { expectLabel } from "./label.js";
import type { DataSource, Row, Task } from "./task.js";

const columns = { prompt: "question", response: "answer" } as const;

export const gsm8k = {
  name: "gsm8k",
  title: "School mathematics (GSM8K)",
  train: source("train", "c27942cd13bc8cffe47de47265e690119b23bd1c2934acb0ed34965b3651c36d"),
  test: source("test", "fe5a13578cf76ed45f0dfef60a8a24f18bd393fee435058ea15a768a102a83ba"),
  templates: mathTemplates,
  grading: "check",
  check: (answer) => sameLastInteger(expectLabel(answer, "gsm8k"), answer.output),
  checkFilters: true,
  metric: "accuracy",
  training: { epochs: 5, samples: null },
  maxNewTokens: 512,
} as const satisfies Task;

function source(split: "train" | "test", sha256: string): DataSource {
  return {
    dataset: `gsm8k_${split}`,
    authors: { path: `gsm8k/gsm8k_${split}.json`, sha256 },
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
