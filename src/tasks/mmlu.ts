// MMLU: examination questions of 57 subjects. The whole set, its four groups and each subject are tasks; scores of a group weigh every question alike.

import { stripText } from "../metrics/python-text.js";
import { instructionTemplates } from "../templates/choose.js";
import { type ChoiceParts, type ChoiceQuestion, indexColumn, textColumn, textsColumn } from "./choice.js";
import { type DataSource, hubSource } from "./data-source.js";
import { mmluSubjects } from "./mmlu-subjects.js";
import type { Row, Task } from "./task.js";

const groups = Object.entries(mmluSubjects).map(([name, subjects]) => ({
  name: `mmlu_${name}`,
  parts: subjects.map((subject) => `mmlu_${subject}`),
}));
const everything = { name: "mmlu", parts: groups.flatMap(({ parts }) => parts) };

export const mmlu = define(everything.name, "Examination questions of 57 subjects (MMLU; one alone: mmlu_anatomy …)", {
  of: partOf,
  keeps: () => true,
  groups: [everything, ...groups],
});

/** The task of a subject or a group of them (`mmlu_anatomy`, `mmlu_stem`); null where there is none of that name. */
export function findMmluTask(name: string): Task | null {
  const group = groups.find((one) => one.name === name);
  const parts = group?.parts ?? everything.parts.filter((part) => part === name);
  if (parts.length === 0) return null;
  const title = `Examination questions: ${spaced(name)} (MMLU)`;
  return define(name, title, {
    of: (row) => partOf(row) ?? (group === undefined ? name : null),
    keeps: (part) => parts.includes(part),
    groups: group === undefined ? [] : [group],
  });
}

function define(name: string, title: string, parts: ChoiceParts) {
  return {
    name,
    title,
    train: null,
    test: source("test"),
    templates: instructionTemplates,
    grading: "choice",
    check: null,
    checkFilters: false,
    metric: "acc",
    training: null,
    maxNewTokens: 1,
    choice: {
      read: readQuestion,
      description: (part) =>
        `The following are multiple choice questions (with answers) about ${spaced(part ?? name)}.\n\n`,
      parts,
      examples: { source: source("dev"), pick: "first", drawsOneMore: false },
      leaderboardShots: 5,
      scoring: "best",
      byLength: false,
    },
  } as const satisfies Task;
}

function source(split: string): DataSource {
  return hubSource(`mmlu_${split}`, { repo: "cais/mmlu", config: "all", split, prompt: "question" });
}

function partOf(row: Row): string | null {
  return typeof row.subject === "string" && row.subject !== "" ? `mmlu_${row.subject}` : null;
}

function spaced(part: string): string {
  return part.replace("mmlu_", "").replaceAll("_", " ");
}

const letters = ["A", "B", "C", "D"] as const;

function readQuestion(row: Row, id: string): ChoiceQuestion {
  const answers = textsColumn(row, "choices", id);
  const listed = letters.map((letter, index) => `${letter}. ${answers[index] ?? ""}`).join("\n");
  const context = `${stripText(textColumn(row, "question", id))}\n${listed}\nAnswer:`;
  const gold = indexColumn(row, "answer", id, letters.length);
  const example = { context, answer: letters[gold] ?? "" };
  return { contexts: [context], endings: letters, choices: letters, gold: [gold], example };
}
