// Winogrande: which of two names fills a gap. The choice stands in the context, and what is scored is the rest of the sentence.

import { stripText } from "../metrics/python-text.js";
import { instructionTemplates } from "../templates/choose.js";
import { type ChoiceQuestion, indexColumn, textColumn, wrongColumn } from "./choice.js";
import { type DataSource, hubSource } from "./data-source.js";
import type { Row, Task } from "./task.js";

export const winogrande = {
  name: "winogrande",
  title: "Which name fills a gap (Winogrande XL)",
  train: null,
  test: source("validation"),
  templates: instructionTemplates,
  grading: "choice",
  check: null,
  checkFilters: false,
  metric: "acc",
  training: null,
  maxNewTokens: 1,
  choice: {
    read: readQuestion,
    description: () => "",
    parts: null,
    examples: { source: source("train"), pick: "random", drawsOneMore: true },
    leaderboardShots: 5,
    scoring: "best",
    byLength: false,
  },
} as const satisfies Task;

function source(split: string): DataSource {
  const repo = "allenai/winogrande";
  return hubSource(`winogrande_${split}`, { repo, config: "winogrande_xl", split, prompt: "sentence" });
}

function readQuestion(row: Row, id: string): ChoiceQuestion {
  const sentence = textColumn(row, "sentence", id);
  const gap = sentence.indexOf("_");
  if (gap < 0) throw wrongColumn(row, "sentence", id, "a gap (_)");
  const contexts = ["option1", "option2"].map((column) => sentence.slice(0, gap) + textColumn(row, column, id));
  const rest = stripText(sentence.slice(gap + 1));
  // Answers count from 1.
  const gold = indexColumn(row, "answer", id, 3) - 1;
  const context = contexts[gold];
  if (context === undefined) throw wrongColumn(row, "answer", id, "1 or 2");
  return { contexts, endings: [rest], choices: contexts, gold: [gold], example: { context, answer: rest } };
}
