// Inverse frequencies of rotary embeddings with every kind of scaling, as transformers' modeling_rope_utils computes them (here in double).

import type { RopeSpec } from "../native/types.js";

/** D = rotated size of a head; the vector has D/2 entries. */
export function plainRope(theta: number, headSize: number): RopeSpec {
  return { inverseFrequencies: frequencies(theta, headSize), attentionScale: 1, dynamic: null };
}

/** Every position divided by `factor`. */
export function linearRope(theta: number, headSize: number, factor: number): RopeSpec {
  return {
    inverseFrequencies: frequencies(theta, headSize).map((value) => value / factor),
    attentionScale: 1,
    dynamic: null,
  };
}

/** Dynamic NTK: plain up to `originalMaxPositions`; the engine changes the base for longer sequences. */
export function dynamicRope(theta: number, headSize: number, factor: number, originalMaxPositions: number): RopeSpec {
  return { ...plainRope(theta, headSize), dynamic: { theta, factor, originalMaxPositions } };
}

/** Given divisors of each frequency, as a GGUF's rope_freqs.weight holds them. */
export function dividedRope(theta: number, headSize: number, divisors: ArrayLike<number>): RopeSpec {
  return {
    inverseFrequencies: frequencies(theta, headSize).map((value, i) => value / (divisors[i] ?? 1)),
    attentionScale: 1,
    dynamic: null,
  };
}

export interface Llama3Scaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalMaxPositions: number;
}

/** Llama 3.1: long wavelengths are stretched by the factor, short ones kept, those between blended smoothly. */
export function llama3Rope(theta: number, headSize: number, scaling: Llama3Scaling): RopeSpec {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const longest = originalMaxPositions / lowFrequencyFactor;
  const shortest = originalMaxPositions / highFrequencyFactor;
  const inverseFrequencies = frequencies(theta, headSize).map((value) => {
    const wavelength = (2 * Math.PI) / value;
    if (wavelength > longest) return value / factor;
    if (wavelength < shortest) return value;
    const smooth =
      (originalMaxPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return ((1 - smooth) * value) / factor + smooth * value;
  });
  return { inverseFrequencies, attentionScale: 1, dynamic: null };
}

export interface YarnScaling {
  readonly factor: number;
  readonly originalMaxPositions: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Round the borders of the ramp to whole dimensions. */
  readonly truncate: boolean;
  /** Null: by the paper's formula, from factor, mscale and mscaleAllDim. */
  readonly attentionFactor: number | null;
  readonly mscale: number | null;
  readonly mscaleAllDim: number | null;
}

/** YaRN: interpolated and extrapolated frequencies blended along a ramp over the dimensions, and cosines and sines scaled. */
export function yarnRope(theta: number, headSize: number, scaling: YarnScaling): RopeSpec {
  const [low, high] = yarnBorders(theta, headSize, scaling);
  const inverseFrequencies = frequencies(theta, headSize).map((value, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / ((low === high ? high + 0.001 : high) - low)));
    return (value / scaling.factor) * ramp + value * (1 - ramp);
  });
  return { inverseFrequencies, attentionScale: scaling.attentionFactor ?? yarnAttentionScale(scaling), dynamic: null };
}

/** Dimensions between which the ramp rises. */
function yarnBorders(theta: number, headSize: number, scaling: YarnScaling): [number, number] {
  const border = (turns: number) =>
    (headSize * Math.log(scaling.originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [low, high] = [border(scaling.betaFast), border(scaling.betaSlow)];
  return [
    Math.max(scaling.truncate ? Math.floor(low) : low, 0),
    Math.min(scaling.truncate ? Math.ceil(high) : high, headSize - 1),
  ];
}

function yarnAttentionScale({ factor, mscale, mscaleAllDim }: YarnScaling): number {
  const scale = (multiplier: number) => (factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1);
  return mscale && mscaleAllDim ? scale(mscale) / scale(mscaleAllDim) : scale(1);
}

/** (D/2) theta^(−2i/D). */
function frequencies(theta: number, headSize: number): Float64Array {
  return Float64Array.from({ length: headSize / 2 }, (_, i) => 1 / theta ** ((2 * i) / headSize));
}
