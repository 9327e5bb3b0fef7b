// LIMA: few, carefully written conversations, some with several turns.

import { instructionTemplates } from "../templates/choose.js";
import type { Row, Task } from "./task.js";

const columns = { prompt: "instruction", query: "input", response: "output", history: "history" } as const;

export const lima = {
  name: "lima",
  title: "Curated conversations (LIMA)",
  train: {
    dataset: "lima_train",
    authors: {
      path: "lima/lima_train.json",
      sha256: "1d447bd5d4750e651a6e28660e452c24d18d18e10e1d334b3c8277c2aa956322",
    },
    bundled: null,
    hub: { repo: "GAIR/lima", config: null, split: "train", columns, convert: convertHubRow },
    columns,
  },
  test: null,
  templates: instructionTemplates,
  grading: null,
  check: null,
  checkFilters: false,
  metric: null,
  training: { epochs: 2, samples: null },
  maxNewTokens: 512,
} as const satisfies Task;

/** The hub's rows hold one list of texts, the user's and the assistant's by turns. */
export function convertHubRow(row: Row): Row {
  const { conversations, ...rest } = row;
  if (!Array.isArray(conversations) || conversations.length < 2) return row;
  const turns: unknown[][] = [];
  for (let at = 0; at + 1 < conversations.length; at += 2) turns.push([conversations[at], conversations[at + 1]]);
  const [instruction, output] = turns.at(-1) ?? [];
  return { ...rest, instruction, input: "", output, history: turns.slice(0, -1) };
}
