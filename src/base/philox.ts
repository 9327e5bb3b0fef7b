// Philox4x32-10 (Salmon et al., SC 2011) as in native/base/philox.h: random words as a pure function of (key, counter).
// key = (seed, FNV-1a-64 of a name); counter = (purpose, sample or epoch, position, block).

/** What a random word is for; keeps streams apart. The first three are the engine's own. */
export const purposes = { sample: 0, dropout: 1, initialize: 2, order: 3 } as const;

export interface PhiloxKey {
  readonly low: number;
  readonly high: number;
}

export type PhiloxWords = readonly [number, number, number, number];

/** Mixes the run's seed and a name's hash into the 64-bit key. */
export function philoxKey(seed: number, nameHash: bigint): PhiloxKey {
  const mixed = BigInt.asUintN(64, (BigInt(seed) * 0x9e3779b97f4a7c15n) ^ nameHash);
  return { low: Number(mixed & 0xffffffffn), high: Number(mixed >> 32n) };
}

/** Four words of 32 bits, as unsigned numbers. */
export function philox(counter: PhiloxWords, key: PhiloxKey): PhiloxWords {
  let [c0, c1, c2, c3] = counter;
  let { low, high } = key;
  for (let round = 0; round < 10; ++round) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ low) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ high) >>> 0;
    c3 = low0;
    low = (low + 0x9e3779b9) >>> 0;
    high = (high + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** [0, 1) with 24 bits, exact in single precision. */
export function uniform(word: number): number {
  return (word >>> 8) / 16777216;
}

/** The upper 32 bits of a product of two unsigned 32-bit numbers; every partial product stays below 2^53. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const other = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0;
}
