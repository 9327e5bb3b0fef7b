// How the next token is chosen, and when an answer ends. One object for every stage, checked in one place.
import { InputError } from "../base/error.js";

export interface Sampling {
  readonly seed: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
  /** 0 keeps all. */
  readonly minP: number;
  /** 1 changes nothing. */
  readonly repetitionPenalty: number;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  /** `ignore` goes on past end tokens up to maxNewTokens. */
  readonly endTokens: "stop" | "ignore";
  /** The answer ends before the first of these. */
  readonly stop: readonly string[];
}

export const greedySampling: Sampling = {
  seed: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  maxNewTokens: 512,
  minNewTokens: 0,
  endTokens: "stop",
  stop: [],
};

/** What is a number. */
export type SamplingNumber = Exclude<keyof Sampling, "endTokens" | "stop">;

const rules: readonly {
  readonly key: SamplingNumber;
  readonly expected: string;
  readonly holds: (value: number) => boolean;
}[] = [
  { key: "seed", expected: "a whole number from 0 to 2^53 − 1", holds: (v) => Number.isSafeInteger(v) && v >= 0 },
  { key: "temperature", expected: "a number from 0 on", holds: (v) => Number.isFinite(v) && v >= 0 },
  { key: "topK", expected: "a whole number from 0 on", holds: (v) => Number.isInteger(v) && v >= 0 },
  { key: "topP", expected: "a number over 0 and at most 1", holds: (v) => v > 0 && v <= 1 },
  { key: "minP", expected: "a number from 0 to under 1", holds: (v) => v >= 0 && v < 1 },
  { key: "repetitionPenalty", expected: "a number over 0", holds: (v) => Number.isFinite(v) && v > 0 },
  { key: "maxNewTokens", expected: "a whole number from 1 on", holds: (v) => Number.isInteger(v) && v >= 1 },
  { key: "minNewTokens", expected: "a whole number from 0 on", holds: (v) => Number.isInteger(v) && v >= 0 },
];

/** Throws one error that names every fault. `nameOf` says what the user called a number. */
export function checkSampling(sampling: Sampling, nameOf: (key: SamplingNumber) => string = (key) => key): void {
  const faults = rules
    .filter(({ key, holds }) => !holds(sampling[key]))
    .map(({ key, expected }) => `${nameOf(key)} must be ${expected}, not ${sampling[key]}`);
  const { minNewTokens, maxNewTokens } = sampling;
  if (minNewTokens > maxNewTokens) {
    const [least, most] = [nameOf("minNewTokens"), nameOf("maxNewTokens")];
    faults.push(`${least} (${minNewTokens}) must not be over ${most} (${maxNewTokens})`);
  }
  if (sampling.stop.includes("")) faults.push("a stop string must not be empty");
  if (faults.length > 0) throw new InputError("sampling", `The sampling options don't fit: ${faults.join("; ")}.`);
}

/** What an answer that goes on shows so far: nothing from a stop string on, nor what may be the beginning of one. */
export function beforeStop(text: string, stop: readonly string[]): string {
  const cut = cutAtStop(text, stop);
  const held = stop.map((word) => {
    let length = Math.min(word.length - 1, cut.length);
    while (length > 0 && !cut.endsWith(word.slice(0, length))) length--;
    return length;
  });
  return cut.slice(0, cut.length - Math.max(0, ...held));
}

/** The text before the first stop string. */
export function cutAtStop(text: string, stop: readonly string[]): string {
  const ends = stop.map((word) => text.indexOf(word)).filter((index) => index >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}
