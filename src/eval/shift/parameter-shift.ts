// How far an adapter moves the weights: ‖scale·BA‖_F over all adapted matrices (PROTOCOL §5), from A (R, in) and B (out, R) alone.
// ‖BA‖² = trace(AAᵀ·BᵀB): two R×R matrices instead of the product.
import { InputError } from "../../base/error.js";
import { readAdapterFolder } from "../../engine/adapter-folder.js";
import { adapterScale } from "../../engine/adapter-settings.js";
import type { FloatTensor } from "../../formats/safetensors.js";
import type { MetricValue } from "../../tasks/score.js";

export interface MatrixShift {
  /** `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly value: number;
  /** Its part of the square of the whole; 0 for an adapter that changes nothing. */
  readonly share: number;
}

export interface ParameterShift {
  readonly value: number;
  readonly matrices: readonly MatrixShift[];
}

/** Of an adapter folder in peft's layout; the scale is its own (alpha/r, or alpha/√r for rsLoRA). */
export async function parameterShift(folder: string): Promise<ParameterShift> {
  const { settings, tensors } = await readAdapterFolder(folder);
  const scale = Math.abs(adapterScale(settings));
  const squares = [...tensors].flatMap(([name, a]) => {
    if (!name.endsWith(".lora_A")) return [];
    const layer = name.slice(0, -".lora_A".length);
    return [
      { name: layer, square: scale * scale * squaredNorm(a, expectOther(tensors.get(`${layer}.lora_B`), a, name)) },
    ];
  });
  const total = squares.reduce((sum, { square }) => sum + square, 0);
  return {
    value: Math.sqrt(total),
    matrices: squares.map(({ name, square }) => ({
      name,
      value: Math.sqrt(square),
      share: total === 0 ? 0 : square / total,
    })),
  };
}

/** As a row of scores: exact, so that both limits are the value; n counts the adapted matrices. */
export function parameterShiftMetric({ value, matrices }: ParameterShift): MetricValue {
  return { metric: "parameter_shift", value, n: matrices.length, low: value, high: value };
}

/** Under this share of the terms' magnitudes their sum has lost too many digits to cancellation. */
const leastSum = 1e-8;

/** ‖BA‖² in double precision. Where the terms of the trace cancel (B's columns all but undo each other), BA is taken row by row. */
export function squaredNorm(a: FloatTensor, b: FloatTensor): number {
  const [rank = 0, inputs = 0] = a.shape;
  const gramA = gram(rank, inputs, (r, i) => a.values[r * inputs + i] ?? 0);
  const gramB = gram(rank, b.shape[0] ?? 0, (r, o) => b.values[o * rank + r] ?? 0);
  let sum = 0;
  let magnitude = 0;
  for (let i = 0; i < gramA.length; i++) {
    const term = (gramA[i] ?? 0) * (gramB[i] ?? 0);
    sum += term;
    magnitude += Math.abs(term);
  }
  return sum >= leastSum * magnitude ? sum : squaredNormByRows(a, b);
}

/** (R, R): the products of R vectors of so many entries with each other. */
function gram(rank: number, entries: number, entry: (vector: number, index: number) => number): Float64Array {
  const products = new Float64Array(rank * rank);
  for (let first = 0; first < rank; first++) {
    for (let second = 0; second <= first; second++) {
      let sum = 0;
      for (let index = 0; index < entries; index++) sum += entry(first, index) * entry(second, index);
      products[first * rank + second] = sum;
      products[second * rank + first] = sum;
    }
  }
  return products;
}

/** One row of BA at a time. */
function squaredNormByRows(a: FloatTensor, b: FloatTensor): number {
  const [rank = 0, inputs = 0] = a.shape;
  const row = new Float64Array(inputs);
  let sum = 0;
  for (let output = 0; output < (b.shape[0] ?? 0); output++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b.values[output * rank + r] ?? 0;
      for (let i = 0; i < inputs; i++) row[i] = (row[i] ?? 0) + factor * (a.values[r * inputs + i] ?? 0);
    }
    for (const value of row) sum += value * value;
  }
  return sum;
}

function expectOther(b: FloatTensor | undefined, a: FloatTensor, name: string): FloatTensor {
  if (b !== undefined && a.shape.length === 2 && b.shape.length === 2 && a.shape[0] === b.shape[1]) return b;
  throw new InputError(
    "adapter_mismatch",
    `Expected a lora_B of shape [out, r] beside ${name} of shape [${a.shape.join(", ")}] but found ${b === undefined ? "none" : `[${b.shape.join(", ")}]`}; the adapter is damaged.`,
  );
}
