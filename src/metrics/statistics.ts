// How sure a rate is, and whether two models differ on the same rows.

import { type BootstrapOptions, bootstrapMean } from "./bootstrap.js";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % point of the normal distribution: intervals are 95 %. */
const z = 1.959963984540054;

/** Wilson's score interval for `successes` of `n` (Wilson 1927); [0, 1] for n = 0. */
export function wilsonInterval(successes: number, n: number): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const rate = successes / n;
  const scale = 1 + (z * z) / n;
  const centre = (rate + (z * z) / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === n ? 1 : Math.min(1, centre + half),
  };
}

/** Two verdicts on one row. */
export interface PairedVerdict {
  readonly before: boolean;
  readonly after: boolean;
}

/** What became of the rows between two models: right twice, right then wrong, wrong then right, wrong twice. */
export interface PairedCounts {
  readonly retained: number;
  readonly lost: number;
  readonly gained: number;
  readonly missed: number;
}

export function countPairs(pairs: readonly PairedVerdict[]): PairedCounts {
  const count = (before: boolean, after: boolean): number =>
    pairs.filter((pair) => pair.before === before && pair.after === after).length;
  return {
    retained: count(true, true),
    lost: count(true, false),
    gained: count(false, true),
    missed: count(false, false),
  };
}

/** McNemar's exact test: the two-sided binomial probability (1/2) of a split as uneven as lost : gained. */
export function mcnemarExact(lost: number, gained: number): number {
  const n = lost + gained;
  if (n === 0) return 1;
  const smaller = Math.min(lost, gained);
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= smaller; k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

/**
 * The 95 % percentile interval of mean(after − before) over rows drawn with replacement, both values of a row together.
 * The same seed gives the same interval.
 */
export function pairedBootstrap(
  before: readonly number[],
  after: readonly number[],
  options: BootstrapOptions,
): Interval & { readonly difference: number } {
  const differences = before.map((value, index) => (after[index] ?? Number.NaN) - value);
  const n = differences.length;
  if (n === 0 || after.length !== n) {
    throw new RangeError(
      `Expected as many values after as before, and at least one, but received ${after.length} and ${n}`,
    );
  }
  const { value, low, high } = bootstrapMean(differences, options);
  return { difference: value, low, high };
}
