// One seeded order for samples, mixes and epochs: a row's place depends on (seed, id, round) alone, so subsets are nested
// and nothing has to be remembered to go on after an interruption.
import { fnv1a64 } from "./hash.js";
import { philox, philoxKey, purposes } from "./philox.js";

/**
 * Indices of `ids` in the order of random words keyed by (seed, id). `round` 0 is the order that samples and mix ratios
 * are taken in; epochs use 1, 2, …. Rows with the same id keep the order they came in.
 */
export function seededOrder(ids: readonly string[], seed: number, round: number): number[] {
  const words = ids.map((id) => philox([purposes.order, round, 0, 0], philoxKey(seed, fnv1a64(id))));
  return ids
    .map((_, index) => index)
    .sort((a, b) => {
      const [a0 = 0, a1 = 0] = words[a] ?? [];
      const [b0 = 0, b1 = 0] = words[b] ?? [];
      return a0 - b0 || a1 - b1 || a - b;
    });
}
