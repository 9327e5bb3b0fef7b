// What several scores say together: the average over tasks, and the mean and spread over seeds.

import type { Interval } from "./statistics.js";

/** A score with its 95 % interval. */
export interface EstimatedScore extends Interval {
  readonly value: number;
}

/**
 * The plain mean of independent scores, each task counting once however many rows it has. The interval combines the distances from each
 * value to its limits in squares, low and high apart (MOVER, Zou and Donner 2008): Wilson's limits stay within 0 and 1, and equal
 * tasks shrink it by the root of their number.
 */
export function averageScores(scores: readonly EstimatedScore[]): EstimatedScore {
  const n = scores.length;
  if (n === 0) throw new RangeError("Expected at least one score to take the average of but received none");
  const mean = (of: (score: EstimatedScore) => number): number => scores.reduce((sum, score) => sum + of(score), 0) / n;
  const distance = (limit: "low" | "high"): number => Math.sqrt(mean((score) => (score.value - score[limit]) ** 2) / n);
  const value = mean((score) => score.value);
  return { value, low: value - distance("low"), high: value + distance("high") };
}

/** A score of one of several seeds. */
export interface SeedScore extends EstimatedScore {
  readonly seed: number;
  /** Rows scored. */
  readonly n: number;
}

/** What names a cell, whatever the seed. */
export type WithoutSeed<Score extends SeedScore> = Omit<Score, "seed" | "value" | "n" | "low" | "high">;

/** One cell over its seeds. */
export interface SeedSummary<Score extends SeedScore> {
  readonly key: WithoutSeed<Score>;
  /** In rising order. */
  readonly seeds: readonly number[];
  readonly mean: number;
  /** The sample's standard deviation (n − 1 below); null for one seed. */
  readonly deviation: number | null;
  /** Rows scored with a seed; the fewest where seeds differ. */
  readonly n: number;
  /** Of the mean over seeds, by Student's t; the score's own interval for one seed. */
  readonly low: number;
  readonly high: number;
}

/** Groups scores by all that names them but the seed, in the order in which the groups first come. A seed that stands twice is an error. */
export function summariseSeeds<Score extends SeedScore>(scores: readonly Score[]): SeedSummary<Score>[] {
  const groups = new Map<string, { readonly key: WithoutSeed<Score>; readonly scores: Score[] }>();
  for (const score of scores) {
    const { seed, value: _, n: __, low: ___, high: ____, ...key } = score;
    const name = JSON.stringify(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(name) ?? { key, scores: [] };
    if (group.scores.some((other) => other.seed === seed))
      throw new RangeError(`Expected each seed once in a cell but seed ${seed} stands twice in ${name}`);
    group.scores.push(score);
    groups.set(name, group);
  }
  return [...groups.values()].map((group) => summariseGroup(group.key, group.scores));
}

function summariseGroup<Score extends SeedScore>(
  key: WithoutSeed<Score>,
  scores: readonly Score[],
): SeedSummary<Score> {
  const sorted = [...scores].sort((a, b) => a.seed - b.seed);
  const count = sorted.length;
  const mean = sorted.reduce((sum, { value }) => sum + value, 0) / count;
  const common = { key, seeds: sorted.map(({ seed }) => seed), mean, n: Math.min(...sorted.map(({ n }) => n)) };
  const [only] = sorted;
  if (count === 1 && only !== undefined) return { ...common, deviation: null, low: only.low, high: only.high };
  const deviation = Math.sqrt(sorted.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = (studentQuantile(count - 1) * deviation) / Math.sqrt(count);
  return { ...common, deviation, low: mean - half, high: mean + half };
}

/** The 97.5 % point of Student's t for a whole number of degrees of freedom. */
export function studentQuantile(degrees: number): number {
  if (!Number.isInteger(degrees) || degrees < 1)
    throw new RangeError(`Expected whole degrees of freedom from 1 on but received ${degrees}`);
  let low = 0;
  let high = Math.PI / 2;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (centralShare(middle, degrees) < 0.95) low = middle;
    else high = middle;
  }
  return Math.tan((low + high) / 2) * Math.sqrt(degrees);
}

/** The probability that |t| < √degrees · tan(angle): Abramowitz and Stegun 26.7.3 and 26.7.4. */
function centralShare(angle: number, degrees: number): number {
  const sine = Math.sin(angle);
  const square = Math.cos(angle) ** 2;
  const odd = degrees % 2 === 1;
  let term = odd ? Math.cos(angle) : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= (square * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
