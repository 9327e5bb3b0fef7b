// HellaSwag: which of four sentences goes on with a scene. Marks of its how-to pages are taken out as the harness takes them out.

import { capitalize, stripText } from "../metrics/python-text.js";
import { instructionTemplates } from "../templates/choose.js";
import { type ChoiceQuestion, indexColumn, textColumn, textsColumn } from "./choice.js";
import { type DataSource, hubSource } from "./data-source.js";
import type { Row, Task } from "./task.js";

export const hellaswag = {
  name: "hellaswag",
  title: "Which sentence goes on with a scene (HellaSwag)",
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
    leaderboardShots: 10,
    scoring: "best",
    byLength: true,
  },
} as const satisfies Task;

function source(split: string): DataSource {
  return hubSource(`hellaswag_${split}`, { repo: "Rowan/hellaswag", config: null, split, prompt: "ctx_a" });
}

function readQuestion(row: Row, id: string): ChoiceQuestion {
  const text = (column: string): string => textColumn(row, column, id);
  const context = withoutMarks(`${text("activity_label")}: ${text("ctx_a")} ${capitalize(text("ctx_b"))}`);
  const choices = textsColumn(row, "endings", id).map(withoutMarks);
  const gold = indexColumn(row, "label", id, choices.length);
  const example = { context, answer: choices[gold] ?? "" };
  return { contexts: [context], endings: choices, choices, gold: [gold], example };
}

/** A double space becomes one; of three, two are left. A line feed inside brackets keeps them. */
function withoutMarks(text: string): string {
  return stripText(text)
    .replaceAll(" [title]", ". ")
    .replace(/\[[^\n]*?\]/g, "")
    .replaceAll("  ", " ");
}
