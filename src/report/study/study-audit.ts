// A study's examples: the rewrites of each run, and each test's rows with what every training answered.
import { answerSet, type ModelAnswers } from "../audit/answer-set.js";
import { auditSection } from "../audit/audit-set.js";
import { rewriteSet } from "../audit/rewrite-set.js";
import { html, type Markup } from "../html-text.js";
import { datasetTitle } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import { type TrainingKey, trainingId, trainingTitle, varyingKeys } from "./score-groups.js";
import { labelled, type StudySummary } from "./study-summary.js";

export function studyAudit({ study }: StudySummary): Markup {
  const rewrites = study.runs
    .filter(({ summary }) => summary.distilled.length > 0)
    .map(({ name, summary }) =>
      auditSection(rewriteSet(labelled(study, `Every rewrite of ${name}`), summary.distilled)),
    );
  const answers = answersByTask(study).map(([task, models]) =>
    auditSection(answerSet(labelled(study, `Every answer on ${datasetTitle(task)}`), models)),
  );
  if (rewrites.length + answers.length === 0) return html``;
  return html`<h2>${labelled(study, "Row by row")}</h2>${rewrites}${answers}`;
}

interface Answered {
  readonly task: string;
  readonly id: string;
  readonly key: TrainingKey & { readonly seed: number };
  readonly rows: ModelAnswers["rows"];
}

/** A training that several runs hold (the seed model) stands there once. */
function answersByTask(study: Study): [task: string, models: ModelAnswers[]][] {
  const found = new Map<string, Answered>();
  for (const { summary } of study.runs) {
    for (const { variant, task, rows } of summary.predictions) {
      const key = summary.scores.find((score) => score.variant === variant && score.task === task);
      if (key === undefined) continue;
      const id = `${trainingId(key)} ${key.seed}`;
      found.set(`${id} ${task}`, { task, id, key, rows });
    }
  }
  const all = [...found.values()];
  const varying = varyingKeys(all.map(({ key }) => key));
  const severalSeeds = new Set(all.map(({ key }) => key.seed)).size > 1;
  return [...new Set(all.map(({ task }) => task))].map((task) => {
    const models = all.filter((one) => one.task === task);
    return [
      task,
      models.map(({ key, rows }) => ({
        title: `${trainingTitle(key, varying)}${severalSeeds ? `, seed ${key.seed}` : ""}`,
        variant: key.variant,
        rows,
      })),
    ];
  });
}
