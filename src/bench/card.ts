// The card that figures are taken on, and what it can do at most by its data sheet: what speed is held against.
import { InputError } from "../base/error.js";
import { chooseBackend } from "../engine/backend-choice.js";
import { selfTestOutcome } from "../engine/self-test-record.js";
import type { NativeInfo } from "../native/types.js";

/** Null where nobody has said it. */
export interface Peaks {
  /** Dense bf16 products summed in float32, TFLOP/s. */
  readonly teraflops: number | null;
  /** Of its memory. */
  readonly gigabytesPerSecond: number | null;
}

export interface Card extends Peaks {
  /** `NVIDIA H100 80GB HBM3`. */
  readonly name: string;
}

/**
 * Data sheets' figures as others quote them, not read in NVIDIA's own; those of L4, A6000 and RTX 5090 are worked out from other figures of theirs. Without
 * sparsity, which is half of the figure that data sheets print first, and summed in float32, which GeForce cards do at half their speed. The first whose words
 * all stand in the card's name; of one chip the fuller name first. `--teraflops` and `--gigabytes` win over them.
 */
const sheets: readonly (readonly [words: string, teraflops: number, gigabytesPerSecond: number])[] = [
  ["B200", 2250, 8000],
  ["H200", 989, 4800],
  ["H100 PCIe", 756, 2000],
  ["H100", 989, 3350],
  ["A100 80GB PCIe", 312, 1935],
  ["A100 80GB", 312, 2039],
  ["A100", 312, 1555],
  ["L40S", 362, 864],
  ["L4", 121, 300],
  ["A10", 125, 600],
  ["A40", 149.7, 696],
  ["A6000", 154.8, 768],
  ["RTX 5090", 209.5, 1792],
  ["RTX 4090", 165.2, 1008],
  ["RTX 3090", 71, 936],
];

/** Words that make another card of a name of the list. */
const otherCards = ["NVL", "Ti", "D", "Laptop", "Max", "MIG"];

/** What the data sheet says of a card of this name; `given` wins over it. */
export function cardOf(name: string, given: Partial<Peaks> = {}): Card {
  const words = name.split(/[\s-]+/);
  const known = !words.some((word) => otherCards.includes(word));
  const sheet = known ? sheets.find(([wanted]) => wanted.split(" ").every((word) => words.includes(word))) : undefined;
  return {
    name,
    teraflops: given.teraflops ?? sheet?.[1] ?? null,
    gigabytesPerSecond: given.gigabytesPerSecond ?? sheet?.[2] ?? null,
  };
}

/** The first card, once it has passed its self-test. Throws one sentence where there is none, or where it has not. */
export function expectCard(info: NativeInfo, given: Partial<Peaks>): Card {
  const selfTest = selfTestOutcome(info);
  chooseBackend("cuda", info, selfTest);
  if (selfTest !== "passed") {
    throw new InputError(
      "selftest",
      "Expected a card that has passed its self-test, because figures of wrong results are worth nothing: run sdft selftest --device cuda first.",
    );
  }
  return cardOf(deviceName(info.cuda.devices[0] ?? "unknown"), given);
}

/** `NVIDIA H100 80GB HBM3, compute capability 9.0, …`: what stands before the first comma. */
function deviceName(described: string): string {
  return described.split(",")[0] ?? described;
}

/** For the name of the results' file: `nvidia-h100-80gb-hbm3`. */
export function cardSlug({ name }: Card): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** Megabytes free on the first card now; null where there is none. */
export function freeMegabytes({ cuda }: NativeInfo): number | null {
  return cuda.memory === null ? null : cuda.memory.freeBytes / 1e6;
}
