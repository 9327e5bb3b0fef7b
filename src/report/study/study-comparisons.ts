// What one training changed against another on the same rows: verdicts by McNemar's exact test, distances from the seed by paired bootstrap.
import { firstAnswers, type PredictionRow } from "../../eval/prediction.js";
import { countPairs, mcnemarExact, type PairedCounts, pairedBootstrap } from "../../metrics/statistics.js";
import { datasetTitle, metricWording } from "./metric-wording.js";
import type { Study } from "./read-study.js";
import { type TrainingKey, trainingTitle, varyingKeys } from "./score-groups.js";
import { type Training, trainingAnswers, trainingShifts } from "./study-trainings.js";

interface Pairing {
  readonly task: string;
  /** The two models, as titles. */
  readonly before: string;
  readonly after: string;
  /** The random seed of both. */
  readonly seed: number;
  /** Rows that both have. */
  readonly n: number;
}

/** Right and wrong on the same rows. */
export interface VerdictComparison extends Pairing, PairedCounts {
  /** McNemar's exact two-sided probability. */
  readonly p: number;
}

/** A number for each row, such as the similarity to the seed's answer. */
export interface ValueComparison extends Pairing {
  readonly metric: string;
  /** Mean of after − before with its 95 % interval. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

export interface StudyComparisons {
  readonly verdicts: readonly VerdictComparison[];
  readonly values: readonly ValueComparison[];
}

/** One training's verdicts on one test. */
interface Answers extends Training {
  readonly task: string;
  readonly verdicts: ReadonlyMap<string, boolean>;
}

/** One training's distances from the seed. */
interface Distances extends Training {
  readonly metric: "bleu4" | "rouge_l" | "similarity";
  readonly values: ReadonlyMap<string, number>;
}

/** Each training against the seed, and each self-distillation against the vanilla fine-tuning on the same data. */
export function compareTrainings(study: Study): StudyComparisons {
  const answers = readAnswers(study);
  const distances = readDistances(study);
  const varying = varyingKeys([...answers, ...distances].map(({ key }) => key));
  const title = (key: TrainingKey): string => trainingTitle(key, varying);
  const verdicts = pairUp(answers, (a, b) => a.task === b.task).flatMap(([before, after]): VerdictComparison[] => {
    const pairs = joined(before.verdicts, after.verdicts);
    if (pairs.length === 0) return [];
    const counts = countPairs(pairs);
    const { task, seed } = after;
    const names = { task, before: title(before.key), after: title(after.key), seed, n: pairs.length };
    return [{ ...names, ...counts, p: mcnemarExact(counts.lost, counts.gained) }];
  });
  const values = pairUp(distances, (a, b) => a.metric === b.metric).flatMap(([before, after]): ValueComparison[] => {
    const pairs = joined(before.values, after.values);
    if (pairs.length === 0) return [];
    const interval = pairedBootstrap(
      pairs.map((pair) => pair.before),
      pairs.map((pair) => pair.after),
      { seed: 0 },
    );
    const { metric, seed } = after;
    const names = { task: "shift", before: title(before.key), after: title(after.key), seed, n: pairs.length };
    return [{ ...names, metric, ...interval }];
  });
  return { verdicts, values };
}

/** `embedding similarity to the seed's answers`, `GSM8K`: what is compared. */
export function comparisonSubject(one: VerdictComparison | ValueComparison): string {
  return "metric" in one ? `${metricWording(one.metric).title} to the seed's answers` : datasetTitle(one.task);
}

function pairUp<One extends Training>(all: readonly One[], alike: (a: One, b: One) => boolean): [One, One][] {
  return all.flatMap((after) => {
    const alikes = all.filter((before) => alike(before, after));
    const others = alikes.filter((before) => before.seed === after.seed);
    // Greedy answers of the seed model are the same under every random seed, so one will do.
    const seed = [...others, ...alikes].find((before) => before.key.variant === "seed");
    const vanilla = others.find((before) => before.key.variant === "vanilla" && sameData(before.key, after.key));
    const pairs: [One, One][] = [];
    if (seed !== undefined && after.key.variant !== "seed") pairs.push([seed, after]);
    if (vanilla !== undefined && after.key.variant === "sdft") pairs.push([vanilla, after]);
    return pairs;
  });
}

function sameData(a: TrainingKey, b: TrainingKey): boolean {
  return a.dataset === b.dataset && a.samples === b.samples && a.rank === b.rank;
}

function joined<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
): { before: Value; after: Value }[] {
  return [...after].flatMap(([id, value]) => {
    const earlier = before.get(id);
    return earlier === undefined ? [] : [{ before: earlier, after: value }];
  });
}

function readAnswers(study: Study): Answers[] {
  return trainingAnswers(study)
    .map(({ rows, ...training }) => ({ ...training, verdicts: new Map(firstAnswers(rows).flatMap(verdictOf)) }))
    .filter(({ verdicts }) => verdicts.size > 0);
}

function verdictOf(row: PredictionRow): [string, boolean][] {
  return row.correct === null ? [] : [[row.id, row.correct]];
}

function readDistances(study: Study): Distances[] {
  return trainingShifts(study).flatMap(({ rows, ...training }) =>
    (["bleu4", "rouge_l", "similarity"] as const).map((metric) => ({
      ...training,
      metric,
      values: new Map(
        rows.flatMap((row) => {
          const value = row[metric];
          return value === null ? [] : [[row.id, value] as const];
        }),
      ),
    })),
  );
}
