// ARC: questions of school science. The easy and the challenging ones are two tasks.

import { instructionTemplates } from "../templates/choose.js";
import { type ChoiceQuestion, objectColumn, textColumn, textsColumn, wrongColumn } from "./choice.js";
import { type DataSource, hubSource } from "./data-source.js";
import type { Row, Task } from "./task.js";

export const arcEasy = define("arc_easy", "ARC-Easy", "Questions of school science, easy (ARC)");
export const arcChallenge = define("arc_challenge", "ARC-Challenge", "Questions of school science, challenging (ARC)");

function define<Name extends "arc_easy" | "arc_challenge">(name: Name, config: string, title: string) {
  return {
    name,
    title,
    train: null,
    test: source(name, config, "test"),
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
      examples: { source: source(name, config, "train"), pick: "random", drawsOneMore: false },
      leaderboardShots: 25,
      scoring: "best",
      byLength: true,
    },
  } as const satisfies Task;
}

function source(name: string, config: string, split: string): DataSource {
  return hubSource(`${name}_${split}`, { repo: "allenai/ai2_arc", config, split, prompt: "question" });
}

function readQuestion(row: Row, id: string): ChoiceQuestion {
  const listed = objectColumn(row, "choices", id);
  const [choices, labels] = [textsColumn(listed, "text", id), textsColumn(listed, "label", id)];
  const gold = labels.indexOf(textColumn(row, "answerKey", id));
  const answer = choices[gold];
  if (answer === undefined) throw wrongColumn(row, "answerKey", id, `one of the labels ${labels.join(", ")}`);
  const context = `Question: ${textColumn(row, "question", id)}\nAnswer:`;
  return { contexts: [context], endings: choices, choices, gold: [gold], example: { context, answer } };
}
