// Whether outputs made elsewhere belong to a task's data: joined by id, or in the data's order where they have none. A file of another
// task is told by its ids, labels or prompts, and never scored.
import { InputError } from "../base/error.js";
import type { TextExample } from "../data/example.js";
import { pythonSpaces } from "../metrics/python-text.js";
import type { Task } from "../tasks/task.js";
import type { PredictionRow } from "./prediction.js";
import type { ForeignPrediction } from "./predictions-file.js";

/** Outputs as rows to be graded; `source` names their file in errors. */
export function toPredictionRows(
  task: Task,
  lines: readonly ForeignPrediction[],
  at: { readonly source: string; readonly examples: readonly TextExample[] | null },
): PredictionRow[] {
  const { source, examples } = at;
  expectIdsThroughout(lines, source);
  if (examples === null) {
    expectOwnLabels(task, lines, source);
    return lines.map((line) => predictionRow(line, null));
  }
  const pairs = pairLines(task, lines, { source, examples });
  expectLabels(task, pairs, source);
  expectPrompts(task, pairs, source);
  return pairs.map(({ line, example }) => predictionRow(line, example));
}

interface Pair {
  readonly line: ForeignPrediction;
  readonly example: TextExample;
}

interface Data {
  readonly source: string;
  readonly examples: readonly TextExample[];
}

function predictionRow(line: ForeignPrediction, example: TextExample | null): PredictionRow {
  return {
    id: example?.id ?? line.id,
    ...(line.sample === undefined ? {} : { sample: line.sample }),
    prompt: line.prompt ?? "",
    output: line.output,
    label: line.label ?? example?.response ?? null,
    correct: null,
    finish: line.finish,
    tokens: null,
  };
}

function expectIdsThroughout(lines: readonly ForeignPrediction[], source: string): void {
  const unnamed = lines.filter((line) => line.idFrom === "order");
  const [first] = unnamed;
  if (first === undefined || unnamed.length === lines.length) return;
  throw new InputError(
    "missing_id",
    `Expected an id on every line of ${source} or on none, but ${unnamed.length} of ${lines.length} lines have none, the first of them line ${first.line}.`,
  );
}

/** Every row of the data needs its line: a rate over some of the rows is another number. */
function pairLines(task: Task, lines: readonly ForeignPrediction[], { source, examples }: Data): Pair[] {
  if (lines[0]?.idFrom === "order") {
    if (lines.length !== examples.length) {
      throw new InputError(
        "count_mismatch",
        `The lines of ${source} have no ids, so they must stand in the order of the data: expected ${examples.length} lines, one for each row of ${task.name}, but found ${lines.length}.`,
      );
    }
    return examples.flatMap((example, index) => {
      const line = lines[index];
      return line === undefined ? [] : [{ line, example }];
    });
  }
  // Several where a prompt was answered several times.
  const byId = new Map<string, ForeignPrediction[]>();
  for (const line of lines) byId.set(line.id, [...(byId.get(line.id) ?? []), line]);
  const known = new Set(examples.map(({ id }) => id));
  const strangers = lines.filter(({ id }) => !known.has(id));
  const [stranger] = strangers;
  if (strangers.length === lines.length) {
    throw otherTask(task, source, `no id of it stands in the data (the first is "${stranger?.id}")`);
  }
  if (stranger !== undefined) {
    throw new InputError(
      "unknown_id",
      `Line ${stranger.line} of ${source} has id "${stranger.id}", but the data has no row of that id.`,
    );
  }
  const missing = examples.filter(({ id }) => !byId.has(id)).map(({ id }) => id);
  if (missing.length > 0) {
    const shown = missing.slice(0, 5).join(", ");
    throw new InputError(
      "missing_rows",
      `${source} answers ${byId.size} of the ${examples.length} rows of ${task.name}; missing: ${missing.length > 5 ? `${shown}, …` : shown}. Add them, or name data with the answered rows alone (--data).`,
    );
  }
  return examples.flatMap((example) => (byId.get(example.id) ?? []).map((line) => ({ line, example })));
}

/** White space may differ and the end be cut: other programs do both to a label. */
function expectLabels(task: Task, pairs: readonly Pair[], source: string): void {
  const differ = pairs.filter(
    ({ line, example }) => !withoutSpaces(example.response).startsWith(withoutSpaces(line.label)),
  );
  const [first] = differ;
  if (first === undefined) return;
  const what = `the labels of ${differ.length} of ${pairs.length} rows are not the data's (the first on line ${first.line.line}, row ${first.example.id})`;
  throw otherTask(task, source, what);
}

/** Templates and cuts may change a prompt much, so only a file in which no prompt holds its row's question is refused. */
function expectPrompts(task: Task, pairs: readonly Pair[], source: string): void {
  const asked = pairs.filter(({ line, example }) => line.prompt !== null && withoutSpaces(example.instruction) !== "");
  const holds = ({ line, example }: Pair): boolean =>
    withoutSpaces(line.prompt).includes(withoutSpaces(example.instruction));
  if (asked.length === 0 || asked.some(holds)) return;
  throw otherTask(task, source, `none of its ${asked.length} prompts asks what the data's row of that id asks`);
}

/**
 * Without data only the labels can tell: a reference answer of the task is right about itself, and nothing is not. More than half of them
 * must be such; a number in another task's label passes for GSM8K's, so data tells more. A check that reads no label says nothing.
 */
function expectOwnLabels(task: Task, lines: readonly ForeignPrediction[], source: string): void {
  const { check } = task;
  const labelled = lines.filter(({ label }) => label !== null);
  if (check === null || labelled.length === 0 || !comparesLabels(check)) return;
  const own = (label: string): boolean => {
    try {
      return check({ id: "", label, output: label }) && !check({ id: "", label, output: "" });
    } catch (error) {
      if (error instanceof InputError) return false;
      throw error;
    }
  };
  const strange = labelled.filter(({ label }) => label === null || !own(label));
  if (2 * strange.length <= labelled.length) return;
  const what = `${strange.length} of its ${labelled.length} labels are no answers that the task can check (the first on line ${strange[0]?.line})`;
  throw otherTask(task, source, what);
}

function comparesLabels(check: NonNullable<Task["check"]>): boolean {
  try {
    check({ id: "", label: null, output: "" });
    return false;
  } catch (error) {
    if (error instanceof InputError) return true;
    throw error;
  }
}

function otherTask(task: Task, source: string, what: string): InputError {
  return new InputError(
    "other_task",
    `${source} does not hold answers to ${task.name} as its data stands here: ${what}. Name the task they belong to with --task, or their data with --data.`,
  );
}

const spaces = new RegExp(`[${pythonSpaces}]`, "gu");

function withoutSpaces(text: string | null): string {
  return (text ?? "").replace(spaces, "");
}
