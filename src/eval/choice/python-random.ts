// Python's random.Random, as far as few-shot examples need it: MT19937 (Matsumoto and Nishimura 1998) seeded by a whole number,
// and random.sample as CPython has it since 3.2, so that the same examples are drawn as by lm-evaluation-harness.

const size = 624;
const middle = 397;

export class PythonRandom {
  private readonly state: Uint32Array;
  private index = size;

  /** `seed` from 0 to 2³²−1. */
  constructor(seed: number) {
    this.state = seededState(seed);
  }

  /** Indices of `count` different ones of `total`, in the order drawn. */
  sample(total: number, count: number): number[] {
    if (count > total) throw new RangeError(`Expected at most ${total} to draw but received ${count}`);
    let limit = 21;
    if (count > 5) limit += 4 ** Math.ceil(Math.log(count * 3) / Math.log(4));
    return total <= limit ? this.fromPool(total, count) : this.withoutRepeats(total, count);
  }

  /** A 32-bit word. */
  next(): number {
    if (this.index >= size) this.renew();
    let word = this.state[this.index++] ?? 0;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    word ^= word >>> 18;
    return word >>> 0;
  }

  private fromPool(total: number, count: number): number[] {
    const pool = Array.from({ length: total }, (_, index) => index);
    return Array.from({ length: count }, (_, taken) => {
      const at = this.below(total - taken);
      const drawn = pool[at] ?? 0;
      pool[at] = pool[total - taken - 1] ?? 0;
      return drawn;
    });
  }

  private withoutRepeats(total: number, count: number): number[] {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.below(total));
    return [...drawn];
  }

  /** Words of as many bits as n has, until one is below n. */
  private below(n: number): number {
    const bits = 32 - Math.clz32(n);
    for (;;) {
      const word = this.next() >>> (32 - bits);
      if (word < n) return word;
    }
  }

  private renew(): void {
    const { state } = this;
    for (let i = 0; i < size; i++) {
      const word = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % size] ?? 0) & 0x7fffffff);
      state[i] = (state[(i + middle) % size] ?? 0) ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}

/** init_by_array with the one word `seed`. */
function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(size);
  state[0] = 19650218;
  const mixed = (i: number): number => (state[i - 1] ?? 0) ^ ((state[i - 1] ?? 0) >>> 30);
  for (let i = 1; i < size; i++) state[i] = Math.imul(1812433253, mixed(i)) + i;
  let i = 1;
  const step = (): void => {
    if (++i < size) return;
    state[0] = state[size - 1] ?? 0;
    i = 1;
  };
  for (let k = 0; k < size; k++, step()) state[i] = ((state[i] ?? 0) ^ Math.imul(mixed(i), 1664525)) + seed;
  for (let k = 0; k < size - 1; k++, step()) state[i] = ((state[i] ?? 0) ^ Math.imul(mixed(i), 1566083941)) - i;
  state[0] = 0x80000000;
  return state;
}
