// A study's examples: the rewrites of each run, and each test's rows with what every training answered.
import { answerSet, type ModelAnswers } from "../audit/answer-set.js";
import { auditSection } from "../audit/audit-set.js";
import { rewriteSet } from "../audit/rewrite-set.js";
import type { Markup } from "../html-text.js";
import { datasetTitle } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import { trainingTitle, varyingKeys } from "./score-groups.js";
import { labelled, type StudySummary } from "./study-summary.js";
import { trainingAnswers } from "./study-trainings.js";

/** Closed sections, rewrites first; none where the study has no rows yet. */
export function studyAudit({ study, yields }: StudySummary): Markup[] {
  const rewrites = yields.map(({ title, rows }) =>
    auditSection(rewriteSet(labelled(study, `Every rewrite: ${title}`), rows)),
  );
  const answers = answersByTask(study).map(([task, models]) =>
    auditSection(answerSet(labelled(study, `Every answer on ${datasetTitle(task)}`), models)),
  );
  return [...rewrites, ...answers];
}

/** The models by what sets them apart. */
function answersByTask(study: Study): [task: string, models: ModelAnswers[]][] {
  const all = trainingAnswers(study);
  const varying = varyingKeys(all.map(({ key }) => key));
  const severalSeeds = new Set(all.map(({ seed }) => seed)).size > 1;
  return [...new Set(all.map(({ task }) => task))].map((task) => {
    const models = all.filter((one) => one.task === task);
    return [
      task,
      models.map(({ key, seed, rows }) => ({
        title: `${trainingTitle(key, varying)}${severalSeeds ? `, seed ${seed}` : ""}`,
        variant: key.variant,
        rows,
      })),
    ];
  });
}
