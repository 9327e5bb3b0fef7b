// The reference answer of a row that must have one.

import { InputError } from "../base/error.js";
import type { Answer } from "./task.js";

export function expectLabel(answer: Answer, task: string): string {
  if (answer.label === null) {
    throw new InputError(
      "missing_label",
      `Task ${task} compares with a reference answer, but row ${answer.id} has none.`,
    );
  }
  return answer.label;
}
