// How far two arrays of numbers are apart. The tolerances of the parity tests stand in the tests, with the reason where one is not the issue's own.
import { expect } from "vitest";

type Numbers = ArrayLike<number>;

/** The largest |a − b|; infinite where the lengths differ or a number is not finite. */
export function largestDifference(a: Numbers, b: Numbers): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

/** ‖actual − expected‖ / ‖scale‖ in the Euclidean norm; `scale` is expected unless given. */
export function relativeDistance(actual: Numbers, expected: Numbers, scale: Numbers = expected): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let squares = 0;
  let norm = 0;
  for (let i = 0; i < actual.length; i++) squares += ((actual[i] ?? Number.NaN) - (expected[i] ?? Number.NaN)) ** 2;
  for (let i = 0; i < scale.length; i++) norm += (scale[i] ?? Number.NaN) ** 2;
  return Math.sqrt(squares / norm);
}

/** Fails unless the two hold the same bits. */
export function expectSameBits(
  actual: Float32Array | Float64Array,
  expected: Float32Array | Float64Array,
  what: string,
): void {
  const bytes = (array: Float32Array | Float64Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  if (bytes(actual).equals(bytes(expected))) return;
  const index = actual.findIndex((value, i) => !Object.is(value, expected[i]));
  expect.fail(
    `${what}: expected the same bits, but [${index}] is ${actual[index]} and not ${expected[index]} (largest difference ${largestDifference(actual, expected)})`,
  );
}
