// How sure a mean of per-item values is: the percentile bootstrap (Efron 1979), repeatable by its seed.

export interface BootstrapOptions {
  readonly seed: number;
  /** How often items are drawn anew; 10,000 where left out. */
  readonly samples?: number;
}

/** A mean with its 95 % interval. */
export interface MeanEstimate {
  readonly value: number;
  readonly n: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The mean, and the 95 % percentile interval of the means of as many values drawn with replacement. The same seed gives the same
 * interval. One value alone, or values that are all equal, leave nothing to draw: the interval is the mean itself.
 */
export function bootstrapMean(values: readonly number[], options: BootstrapOptions): MeanEstimate {
  const n = values.length;
  if (n === 0) throw new RangeError("Expected at least one value to take the mean of but received none");
  const samples = options.samples ?? 10_000;
  const random = randomIndices(options.seed);
  const means = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    let sum = 0;
    for (let draw = 0; draw < n; draw++) sum += values[random(n)] ?? 0;
    means[sample] = sum / n;
  }
  means.sort();
  const value = values.reduce((sum, one) => sum + one, 0) / n;
  return { value, n, low: quantile(means, 0.025), high: quantile(means, 0.975) };
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
