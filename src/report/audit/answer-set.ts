// The audit of a test: every row with what each model answered, whether it was right, and how it ended.
import type { PredictionRow } from "../../eval/prediction.js";
import type { VariantName } from "../run-summary.js";
import type { AuditColumn, AuditSet } from "./audit-set.js";
import { finishText } from "./rewrite-set.js";

/** One model's answers to the test. */
export interface ModelAnswers {
  readonly title: string;
  readonly variant: VariantName;
  readonly rows: readonly PredictionRow[];
}

/** Rows meet by id; a row that a model was not asked has gaps. */
export function answerSet(title: string, models: readonly ModelAnswers[]): AuditSet {
  const byModel = models.map(({ rows }) => new Map(rows.map((row) => [nameOf(row), row])));
  const all = new Map<string, PredictionRow>();
  for (const { rows } of models) for (const row of rows) if (!all.has(nameOf(row))) all.set(nameOf(row), row);
  // With many models the table would be wide; how answers ended is still there to choose by. Choices have no end.
  const choosing = models.some(({ rows }) => rows.some((row) => row.choices !== undefined));
  const showsFinish = models.length <= 3 && !choosing;
  return {
    title,
    columns: [
      { title: "id", kind: "text" },
      ...models.flatMap((model): AuditColumn[] => [
        { title: model.title, kind: "verdict" },
        ...(showsFinish ? [{ title: `${model.title}: finish`, kind: "text" as const }] : []),
        ...(choosing ? [{ title: `${model.title}: log-likelihood`, kind: "number" as const }] : []),
      ]),
    ],
    panes: ["prompt", "label", ...models.map((model) => model.title)],
    compared: null,
    kinds: [
      { value: "differs", title: "the models differ" },
      { value: "lost", title: "lost by a training" },
      { value: "gained", title: "gained by a training" },
      { value: "cut", title: "an answer was cut" },
    ],
    rows: [...all].map(([name, row]) => {
      const answers = byModel.map((rows) => rows.get(name) ?? null);
      return {
        cells: [
          name,
          ...answers.flatMap((answer) => [
            answer?.correct ?? null,
            ...(showsFinish ? [finishText(answer?.finish ?? null)] : []),
            ...(choosing ? [truthLikelihood(answer)] : []),
          ]),
        ],
        panes: [row.prompt, row.label, ...answers.map(answerText)],
        kinds: kindsOf(models, answers),
      };
    }),
  };
}

/** The row's id, with the sample's number where a prompt has several answers. */
function nameOf({ id, sample = 0 }: PredictionRow): string {
  return sample === 0 ? id : `${id}, answer ${sample + 1}`;
}

/** What was answered, or how likely each choice is, the true ones marked. */
function answerText(answer: PredictionRow | null): string | null {
  if (answer === null) return null;
  const { choices, output } = answer;
  if (choices === undefined) return output;
  const lines = choices.texts.map((text, index) => {
    const likelihood = choices.loglikelihoods[index]?.toFixed(3) ?? "–";
    return `${likelihood}  ${text.trim()}${choices.gold.includes(index) ? " (true)" : ""}`;
  });
  return `${output.trim()}\n\n${lines.join("\n")}`;
}

/** Of the likeliest true choice. */
function truthLikelihood(answer: PredictionRow | null): number | null {
  const values = (answer?.choices?.gold ?? []).flatMap((index) => answer?.choices?.loglikelihoods[index] ?? []);
  return values.length === 0 ? null : Math.max(...values);
}

function kindsOf(models: readonly ModelAnswers[], answers: readonly (PredictionRow | null)[]): string[] {
  const verdicts = answers.map((answer) => answer?.correct ?? null);
  const seed = verdicts.find((_, index) => models[index]?.variant === "seed") ?? null;
  const trained = verdicts.filter((_, index) => models[index]?.variant !== "seed");
  const kinds = [];
  if (new Set(verdicts.filter((verdict) => verdict !== null)).size > 1) kinds.push("differs");
  if (seed === true && trained.includes(false)) kinds.push("lost");
  if (seed === false && trained.includes(true)) kinds.push("gained");
  if (answers.some((answer) => answer?.finish === "length")) kinds.push("cut");
  return kinds;
}
