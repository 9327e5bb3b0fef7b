import { describe, expect, it } from "vitest";
import { buildItems } from "../../../src/eval/choice/questions.js";
import { gradeChoices, scoreChoice } from "../../../src/eval/choice/score-choices.js";
import type { PredictionRow } from "../../../src/eval/prediction.js";
import { getTask, tasks } from "../../../src/tasks/registry.js";
import { documents, harness } from "./harness.js";

function row(
  id: string,
  loglikelihoods: readonly number[],
  more: Partial<PredictionRow["choices"]> = {},
): PredictionRow {
  const choices = { texts: ["a", "bb"], loglikelihoods, gold: [0], part: null, ...more };
  return { id, prompt: "", output: "", label: null, correct: null, finish: null, tokens: null, choices };
}

describe.skipIf(harness === null)("invented log-likelihoods", () => {
  const cases = harness === null ? [] : harness.scoring_results.map((one, index) => ({ ...one, index }));

  it.each(cases)("$index: $task scores as the harness scores it", ({ task, set, doc_id, answers, results }) => {
    if (harness === null) return;
    const { choice } = getTask(task);
    if (choice === undefined) throw new Error(task);
    const item = buildItems(choice, documents(harness, set, task, "test"), { shots: 0, pool: [] })[doc_id];
    const loglikelihoods = answers.map(([value]) => value);
    const choices = { texts: item?.choices ?? [], loglikelihoods, gold: item?.gold ?? [], part: null };
    const { acc, accNorm } = scoreChoice(choice, choices);
    if (results.acc === null) expect(acc).toBeNaN();
    else expect(acc).toBeCloseTo(results.acc ?? Number.NaN, 12);
    expect(accNorm).toBe(results.acc_norm ?? null);
  });
});

describe("scoreChoice", () => {
  it("takes the first of equal answers, and an empty answer as infinitely unlikely for its length", () => {
    const format = { scoring: "best", byLength: true } as const;
    const item = { texts: ["a", "b"], loglikelihoods: [-1, -1], gold: [0], part: null };
    expect(scoreChoice(format, item)).toEqual({ best: 0, acc: 1, accNorm: 1 });
    expect(scoreChoice(format, { ...item, texts: ["", "b"] }).accNorm).toBe(0);
    // 0 / 0 is no number, which numpy takes as the largest.
    expect(scoreChoice(format, { ...item, texts: ["", "b"], loglikelihoods: [0, -1] }).accNorm).toBe(1);
  });
});

describe("gradeChoices", () => {
  it("gives verdicts, acc and acc_norm with their intervals", () => {
    const { predictions, metrics } = gradeChoices(tasks.hellaswag, [row("0", [-1, -4]), row("1", [-3, -2])]);
    expect(predictions.map(({ correct }) => correct)).toEqual([true, false]);
    expect(metrics).toMatchObject([
      { metric: "acc", value: 0.5, n: 2 },
      { metric: "acc_norm", value: 0.5, n: 2 },
    ]);
    expect(metrics[0]?.low).toBeGreaterThan(0);
  });

  it("gives mc2's mean without verdicts", () => {
    const rows = [row("0", [Math.log(0.6), Math.log(0.2)]), row("1", [Math.log(0.1), Math.log(0.3)])];
    const { predictions, metrics } = gradeChoices(tasks.truthfulqa_mc2, rows);
    expect(predictions.map(({ correct }) => correct)).toEqual([null, null]);
    expect(metrics).toHaveLength(1);
    expect(metrics[0]).toMatchObject({ metric: "acc", value: 0.5, n: 2 });
    expect(() => gradeChoices(tasks.truthfulqa_mc2, [row("5", [-800, -900])])).toThrow(/row 5 are so unlikely/);
  });

  it("sums MMLU up by group and subject, every question alike", () => {
    const of = (part: string) => ({ part: `mmlu_${part}` });
    const rows = [
      row("0", [-1, -2], of("anatomy")),
      row("1", [-1, -2], of("anatomy")),
      row("2", [-2, -1], of("sociology")),
    ];
    const { metrics } = gradeChoices(tasks.mmlu, rows);
    const values = Object.fromEntries(metrics.map(({ task = "mmlu", value, n }) => [task, [value, n]]));
    expect(values).toEqual({
      mmlu: [2 / 3, 3],
      mmlu_stem: [1, 2],
      mmlu_social_sciences: [0, 1],
      mmlu_anatomy: [1, 2],
      mmlu_sociology: [0, 1],
    });
    const [subject] = gradeChoices(getTask("mmlu_anatomy"), rows.slice(0, 2)).metrics;
    expect(subject).toMatchObject({ metric: "acc", n: 2 });
    expect(gradeChoices(getTask("mmlu_anatomy"), rows.slice(0, 2)).metrics).toHaveLength(1);
  });

  it("can't score an output without log-likelihoods", () => {
    const { choices: _, ...bare } = row("4", [-1, -2]);
    expect(() => gradeChoices(tasks.hellaswag, [bare])).toThrow(/log-likelihoods.*row 4: hellaswag/);
  });
});
