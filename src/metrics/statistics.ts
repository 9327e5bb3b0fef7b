// How sure a rate is, and whether two models differ on the same rows.

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
  options: { readonly seed: number; readonly samples?: number },
): Interval & { readonly difference: number } {
  const differences = before.map((value, index) => (after[index] ?? Number.NaN) - value);
  const n = differences.length;
  if (n === 0 || after.length !== n) {
    throw new RangeError(
      `Expected as many values after as before, and at least one, but received ${after.length} and ${n}`,
    );
  }
  const samples = options.samples ?? 10_000;
  const random = randomIndices(options.seed);
  const means = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    let sum = 0;
    for (let draw = 0; draw < n; draw++) sum += differences[random(n)] ?? 0;
    means[sample] = sum / n;
  }
  means.sort();
  return {
    difference: differences.reduce((sum, value) => sum + value, 0) / n,
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
  };
}

/** Linear between the two neighbours, as NumPy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

/** Whole numbers below n from SplitMix32; good enough to draw rows. */
function randomIndices(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x9e3779b9) | 0;
    let word = state ^ (state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    word ^= word >>> 15;
    return Math.floor(((word >>> 0) / 2 ** 32) * n);
  };
}
