// Rows of a multiple-choice task → questions with their few-shot examples before them, as lm-evaluation-harness 0.4.13 builds its requests.
// Examples are drawn for every row of the set in its order, so that a sample of the rows gets what it would get among all.

import { isDeepStrictEqual } from "node:util";
import { InputError } from "../../base/error.js";
import type { ChoiceFormat, ChoiceQuestion, ExampleSource } from "../../tasks/choice.js";
import type { Row } from "../../tasks/task.js";
import { PythonRandom } from "./python-random.js";

/** A row with its id. */
export interface ChoiceRow {
  readonly id: string;
  readonly row: Row;
}

/** One answer to score: the log-probability of `continuation` after `context`. */
export interface ChoiceRequest {
  readonly context: string;
  readonly continuation: string;
}

export interface ChoiceItem {
  readonly id: string;
  /** Of a set of several parts; else null. */
  readonly part: string | null;
  readonly choices: readonly string[];
  readonly gold: readonly number[];
  /** One for each choice. */
  readonly requests: readonly ChoiceRequest[];
}

/** The harness' seed of few-shot examples. */
const exampleSeed = 1234;

/** All items of the set; `shots` examples stand before each question, drawn from `pool`. */
export function buildItems(
  format: ChoiceFormat,
  rows: readonly ChoiceRow[],
  examples: { readonly shots: number; readonly pool: readonly ChoiceRow[] },
): ChoiceItem[] {
  const random = new PythonRandom(exampleSeed);
  return keptRows(format, rows).map(({ id, row }) => {
    const question = format.read(row, id);
    const part = format.parts?.of(row) ?? null;
    const chosen = examples.shots === 0 ? [] : chooseExamples(format, examples, { id, row, part, random });
    const before =
      format.description(part) + chosen.map((shown) => exampleText(format.read(shown.row, shown.id))).join("");
    return { id, part, choices: question.choices, gold: question.gold, requests: requestsOf(question, before) };
  });
}

/** The rows of the parts that the task takes; a row of several parts that names none is an error. */
function keptRows(format: ChoiceFormat, rows: readonly ChoiceRow[]): readonly ChoiceRow[] {
  const { parts } = format;
  if (parts === null) return rows;
  return rows.filter(({ id, row }) => {
    const part = parts.of(row);
    if (part === null)
      throw new InputError("choice_part", `Expected a subject in column "subject" of row ${id} but found none.`);
    return parts.keeps(part);
  });
}

function requestsOf({ contexts, endings, choices }: ChoiceQuestion, before: string): ChoiceRequest[] {
  return choices.map((_, index) => ({
    context: before + (contexts[contexts.length === 1 ? 0 : index] ?? ""),
    continuation: ` ${endings[endings.length === 1 ? 0 : index] ?? ""}`,
  }));
}

/** A question whose answer is an empty text runs into the next one, as in the harness. */
function exampleText({ example: { context, answer } }: ChoiceQuestion): string {
  return answer === "" ? context : `${context} ${answer}\n\n`;
}

interface Chooser {
  readonly id: string;
  readonly row: Row;
  readonly part: string | null;
  readonly random: PythonRandom;
}

function chooseExamples(
  format: ChoiceFormat,
  { shots, pool }: { readonly shots: number; readonly pool: readonly ChoiceRow[] },
  { id, row, part, random }: Chooser,
): readonly ChoiceRow[] {
  const source = format.examples;
  const own = part === null ? pool : pool.filter((other) => format.parts?.of(other.row) === part);
  const needed = shots + (source?.drawsOneMore && source.pick === "random" ? 1 : 0);
  if (source === null || own.length < needed) {
    throw new InputError(
      "few_shot",
      `Expected at least ${needed} examples to draw ${shots} from for row ${id} but there are ${own.length}: lower the number of examples (num_fewshot).`,
    );
  }
  return pick(source, own, { shots, row, random });
}

function pick(
  source: ExampleSource,
  pool: readonly ChoiceRow[],
  { shots, row, random }: { readonly shots: number; readonly row: Row; readonly random: PythonRandom },
): readonly ChoiceRow[] {
  if (source.pick === "first") return pool.slice(0, shots);
  const draw = (from: readonly ChoiceRow[], count: number): ChoiceRow[] =>
    random.sample(from.length, count).flatMap((index) => from[index] ?? []);
  if (!source.drawsOneMore) return draw(pool, shots);
  const isOther = (other: ChoiceRow): boolean => !isDeepStrictEqual(other.row, row);
  const drawn = draw(pool, shots + 1)
    .filter(isOther)
    .slice(0, shots);
  return drawn.length === shots ? drawn : draw(pool.filter(isOther), shots);
}
