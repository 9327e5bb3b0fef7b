// The questions of a multiple-choice task with their few-shot examples, from where the task's data comes from.
import { InputError } from "../base/error.js";
import { seededOrder } from "../base/seeded-order.js";
import { mostScored } from "../engine/engine.js";
import { scoringRows, scoringWork } from "../engine/generation-batch.js";
import { type MemoryPlan, type PlannedAdapter, type PlannedModel, planScoring } from "../engine/memory-plan.js";
import { type EncodedItem, encodeItems } from "../eval/choice/encode-items.js";
import { buildItems, type ChoiceItem, type ChoiceRow } from "../eval/choice/questions.js";
import type { ChoiceFormat } from "../tasks/choice.js";
import type { Task } from "../tasks/task.js";
import type { Preparation } from "./session.js";
import { type DataWish, expectTexts, loadTaskData } from "./task-data.js";

export interface ChoiceWish extends Omit<DataWish, "split" | "task"> {
  readonly task: Task;
  /** Examples before each question; `leaderboard` takes the task's number there; null takes none. */
  readonly shots: number | "leaderboard" | null;
}

/** What `evaluateTask` takes, but for the place. */
export interface PreparedChoices {
  readonly kind: "choices";
  readonly task: Task;
  readonly items: readonly EncodedItem[];
  readonly shots: number;
}

export interface LoadedChoices {
  readonly items: readonly ChoiceItem[];
  readonly shots: number;
}

const manyQuestions = 1000;

/** The questions of the sample, each with the examples that it has among all. */
export async function loadChoices(wish: ChoiceWish): Promise<LoadedChoices> {
  const { task } = wish;
  const format = expectFormat(task);
  const shots = countShots(task, format, wish.shots);
  const all = { ...wish, maxSamples: null, order: "file" } as const;
  const rows = toRows((await loadTaskData({ ...all, split: "test" })).examples);
  const items = buildItems(format, rows, { shots, pool: shots === 0 ? [] : await loadPool(all, format) });
  if (items.length === 0) throw new InputError("data_empty", `The data has no question of the task ${task.name}.`);
  return { items: takeSample(items, wish), shots };
}

/** In tokens of the model. */
export function prepareChoices(
  { prompts, model, reporter }: Preparation,
  task: Task,
  { items, shots }: LoadedChoices,
): PreparedChoices {
  if (prompts === null)
    throw new InputError("no_tokenizer", `This model has no tokenizer, so the texts of ${task.name} can't be scored.`);
  // Thousands of long prompts take minutes.
  const shown = items.length >= manyQuestions;
  const total = items.length;
  const encoded = encodeItems(prompts.tokenizer, items, mostScored(model.spec), (done) => {
    if (shown && done % 100 === 0)
      reporter.progress({ stage: `tokenise ${task.name}`, done, total, unit: "questions" });
  });
  if (shown) reporter.finish(`Tokenised the ${total} questions of ${task.name}.`);
  return { kind: "choices", task, shots, items: encoded };
}

/** As many as the engine reads where the answers to a question share their context. */
export function countChoiceTokens(items: readonly EncodedItem[]): number {
  let tokens = 0;
  for (const { pairs } of items) {
    for (const { continuation } of pairs) tokens += continuation.length;
    for (const context of new Set(pairs.map((pair) => pair.context))) tokens += context.length;
  }
  return tokens;
}

export function planChoices(
  planned: PlannedModel,
  { items }: Pick<PreparedChoices, "items">,
  adapter: PlannedAdapter | null,
): MemoryPlan {
  const lengths = items.flatMap(({ pairs }) =>
    pairs.map(({ context, continuation }) => Math.min(context.length + continuation.length, mostScored(planned.spec))),
  );
  return planScoring(planned, scoringWork(lengths, adapter, scoringRows));
}

function expectFormat({ name, choice }: Task): ChoiceFormat {
  if (choice !== undefined) return choice;
  throw new InputError("few_shot", `The task ${name} has no choices to compare.`);
}

function countShots(task: Task, format: ChoiceFormat, wanted: ChoiceWish["shots"]): number {
  const shots = wanted === "leaderboard" ? format.leaderboardShots : (wanted ?? 0);
  if (shots === 0 || format.examples !== null) return shots;
  throw new InputError(
    "few_shot",
    `Expected no number of examples for ${task.name}, whose prompt brings its own, but received ${shots}: leave num_fewshot out, or say "leaderboard".`,
  );
}

/** The rows that examples are drawn from: the task's own, whatever data was named for its questions. */
async function loadPool(wish: Omit<DataWish, "split">, { examples }: ChoiceFormat): Promise<readonly ChoiceRow[]> {
  if (examples === null || wish.task === null) return [];
  const task = { ...wish.task, train: examples.source };
  return toRows((await loadTaskData({ ...wish, task, split: "train", data: null })).examples);
}

function toRows(examples: Parameters<typeof expectTexts>[0]): ChoiceRow[] {
  return expectTexts(examples, "compare choices").map(({ id, row }) => ({ id, row }));
}

function takeSample(items: readonly ChoiceItem[], { maxSamples, order, seed }: ChoiceWish): readonly ChoiceItem[] {
  if (maxSamples === null || maxSamples >= items.length) return items;
  if (order === "file") return items.slice(0, maxSamples);
  const ids = items.map(({ id }) => id);
  return seededOrder(ids, seed, 0)
    .slice(0, maxSamples)
    .flatMap((index) => items[index] ?? []);
}
