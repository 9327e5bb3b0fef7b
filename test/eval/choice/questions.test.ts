// Strings of requests against lm-evaluation-harness: what is asked, in which order, with which examples before it.
import { describe, expect, it } from "vitest";
import { buildItems, type ChoiceRow } from "../../../src/eval/choice/questions.js";
import { getTask, tasks } from "../../../src/tasks/registry.js";
import type { Task } from "../../../src/tasks/task.js";
import { documents, harness } from "./harness.js";

function formatOf(task: Task) {
  if (task.choice === undefined) throw new Error(`${task.name} is no choice task`);
  return task.choice;
}

describe.skipIf(harness === null)("questions as the harness asks them", () => {
  const all =
    harness === null
      ? []
      : Object.entries(harness.tasks).flatMap(([name, { runs }]) => runs.map((run) => ({ name, run })));

  it.each(all.map((one) => ({ ...one, title: `${one.name}, ${one.run.set}, ${one.run.num_fewshot} examples` })))(
    "$title",
    ({ name, run }) => {
      if (harness === null) return;
      const task = getTask(name);
      const rows = documents(harness, run.set, name, "test");
      const pool = documents(harness, run.set, name, "dev");
      const items = buildItems(formatOf(task), rows, { shots: run.num_fewshot, pool });
      expect(items).toHaveLength(run.docs.length);
      for (const [index, { requests, choices, gold }] of run.docs.entries()) {
        const item = items[index];
        expect(item?.requests).toEqual(requests.map(({ context, continuation }) => ({ context, continuation })));
        expect(item?.choices).toEqual(choices);
        if (name !== "truthfulqa_mc2") expect(item?.gold).toEqual([gold]);
      }
    },
  );

  it("MMLU: groups and descriptions have the harness' names", () => {
    if (harness === null) return;
    for (const [name, { description }] of Object.entries(harness.names.mmlu))
      expect(formatOf(getTask(name)).description(name)).toBe(description);
    const groups = formatOf(tasks.mmlu).parts?.groups ?? [];
    for (const { name, parts } of groups) {
      const children = harness.names.groups[name]?.children ?? [];
      const leaves = children.flatMap((child) => harness?.names.groups[child]?.children ?? [child]);
      expect([name, parts]).toEqual([name, leaves]);
    }
  });

  it("MMLU: the whole set asks what its subjects ask, each with examples of its own", () => {
    if (harness === null) return;
    const rows = documents(harness, "plain", "mmlu", "test");
    const pool = documents(harness, "plain", "mmlu", "dev");
    const whole = buildItems(formatOf(tasks.mmlu), rows, { shots: 5, pool });
    const subjects = ["mmlu_abstract_algebra", "mmlu_us_foreign_policy"].map((name) =>
      buildItems(formatOf(getTask(name)), rows, { shots: 5, pool }),
    );
    expect(whole).toEqual(subjects.flat());
    expect(new Set(whole.map(({ part }) => part)).size).toBe(2);
  });
});

/** Python: random.Random(1234), for each of 2 questions sample(range(9), 3). */
const drawn = [
  [7, 1, 0],
  [1, 0, 5],
];

describe("examples", () => {
  const arc = (id: string): ChoiceRow => ({
    id,
    row: { question: `q${id}`, choices: { text: ["right", "wrong"], label: ["A", "B"] }, answerKey: "A" },
  });
  const pool = Array.from({ length: 9 }, (_, index) => arc(String(index)));

  it("are drawn with Python's random numbers, for every row in turn", () => {
    const items = buildItems(tasks.arc_easy.choice, [arc("x"), arc("y")], { shots: 3, pool });
    const asked = items.map(({ requests }) =>
      [...(requests[0]?.context ?? "").matchAll(/Question: q(\d)\nAnswer: right\n\n/g)].map(([, id]) => Number(id)),
    );
    expect(asked).toEqual(drawn);
  });

  it("leave out the question itself where the harness draws one more", () => {
    const gap = (name: string): ChoiceRow => ({
      id: name,
      row: { sentence: `_ is ${name}.`, option1: "He", option2: "She", answer: "1" },
    });
    const names = ["a", "b", "c"].map(gap);
    for (const question of names) {
      const [item] = buildItems(tasks.winogrande.choice, [question], { shots: 2, pool: names });
      const context = item?.requests[0]?.context ?? "";
      expect(context.split("\n\n")).toHaveLength(3);
      expect(context.split("\n\n").slice(0, 2)).not.toContain(`He is ${question.id}.`);
      expect(item?.requests[1]).toEqual({
        context: context.replace(/He$/, "She"),
        continuation: ` is ${question.id}.`,
      });
    }
  });

  it("are as many as there are, or it is said", () => {
    expect(() =>
      buildItems(
        tasks.winogrande.choice,
        [{ id: "7", row: { sentence: "_", option1: "a", option2: "b", answer: "1" } }],
        { shots: 2, pool: [] },
      ),
    ).toThrow(/at least 3 examples to draw 2 from for row 7 but there are 0/);
  });
});

describe("rows", () => {
  it("that are none of the task's are named with what is wrong", () => {
    const ask = (task: Task, row: Record<string, unknown>) => () =>
      buildItems(formatOf(task), [{ id: "3", row }], { shots: 0, pool: [] });
    expect(ask(tasks.hellaswag, { ctx_a: "a", ctx_b: "b", activity_label: "c", endings: "d", label: "0" })).toThrow(
      /a list of texts in column "endings" of row 3 but found "d"/,
    );
    const choices = { text: ["a", "b"], label: ["A", "B"] };
    expect(ask(tasks.arc_easy, { question: "q", choices, answerKey: "C" })).toThrow(
      /one of the labels A, B.*"answerKey"/,
    );
    expect(ask(tasks.mmlu, { question: "q", choices: ["a", "b", "c", "d"], answer: 4, subject: "anatomy" })).toThrow(
      /index of one of 4 answers in column "answer" of row 3 but found 4/,
    );
    expect(ask(tasks.mmlu, { question: "q" })).toThrow(/a subject in column "subject" of row 3/);
    expect(ask(tasks.winogrande, { sentence: "no gap", option1: "a", option2: "b", answer: "1" })).toThrow(/a gap/);
  });

  it("may hold lists and objects as JSON", () => {
    const choices = JSON.stringify({ text: ["a", "b"], label: ["A", "B"] });
    const [item] = buildItems(tasks.arc_easy.choice, [{ id: "0", row: { question: "q", choices, answerKey: "B" } }], {
      shots: 0,
      pool: [],
    });
    expect([item?.choices, item?.gold]).toEqual([["a", "b"], [1]]);
  });
});
