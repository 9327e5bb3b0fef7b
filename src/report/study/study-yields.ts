// What became of each training's rewrites: how many were kept, by which attempt, and why not the others.
import { countYield, type DistilledAuditRow, type RewriteYield } from "../run-summary.js";
import type { Study } from "./read-study.js";
import { distinctions, trainingTitle, varyingKeys } from "./score-groups.js";
import { runTrainings } from "./study-trainings.js";

export interface StudyYield {
  /** What sets the training apart from the study's others. */
  readonly title: string;
  /** The run's folder. */
  readonly run: string;
  readonly counts: RewriteYield;
  /** Rows with an accepted rewrite among their first attempt, their first two, …; null for one attempt each. */
  readonly within: readonly number[] | null;
  readonly rows: readonly DistilledAuditRow[];
}

export function studyYields(study: Study): StudyYield[] {
  const runs = study.runs
    .filter(({ summary }) => summary.distilled.length > 0)
    .map((run) => ({ run, key: runTrainings(study, run, "sdft")[0]?.key ?? null }));
  const varying = varyingKeys(runs.flatMap(({ key }) => key ?? []));
  return runs.map(({ run: { name, summary }, key }) => {
    const apart = key === null ? [] : distinctions(key, varying);
    const title = key === null ? name : apart.length > 0 ? apart.join(", ") : trainingTitle(key, []);
    const rows = summary.distilled;
    return { title, run: name, counts: countYield(rows), within: keptWithin(rows), rows };
  });
}

/** How many rows so many attempts would have kept, from the verdicts. */
export function keptWithin(rows: readonly DistilledAuditRow[]): number[] | null {
  const most = Math.max(0, ...rows.map(({ attempts }) => attempts.length));
  if (most < 2) return null;
  const firsts = rows.flatMap(({ attempts }) => {
    const first = attempts.findIndex(({ verdict }) => verdict !== null && verdict.rule === null);
    return first < 0 ? [] : [first];
  });
  return Array.from({ length: most }, (_, index) => firsts.filter((first) => first <= index).length);
}

/** `Kept within 1, 2, 3 attempts: 20, 31, 35.` */
export function withinSentence(within: readonly number[]): string {
  return `Kept within ${within.map((_, index) => index + 1).join(", ")} attempts: ${within.join(", ")}.`;
}
