// Token ids and labels of the reference files as training sequences.

import {
  type FloatTensor,
  readFloatTensors,
  readIntegerTensor,
  readSafetensors,
} from "../../src/formats/safetensors.js";
import type { TrainBatch } from "../../src/native/types.js";
import { labelledTokens, packBatch, type TrainSequence } from "../../src/train/batches.js";

/** The float tensors of a file by name, and its sequences `<group>.<i>.ids` with `.labels`. */
export async function readReference(
  path: string,
  group: string,
): Promise<{ values: Map<string, FloatTensor>; sequences: TrainSequence[] }> {
  const file = await readSafetensors(path);
  const floats = file.tensors.filter(({ type }) => type === "F32").map(({ name }) => name);
  const values = await readFloatTensors(file, floats);
  const sequences: TrainSequence[] = [];
  const has = (name: string) => file.tensors.some((tensor) => tensor.name === name);
  for (let i = 0; has(`${group}.${i}.ids`); i++) {
    const tokens = await readIntegerTensor(file, `${group}.${i}.ids`);
    const labels = has(`${group}.${i}.labels`) ? await readIntegerTensor(file, `${group}.${i}.labels`) : tokens;
    sequences.push({ id: String(i), tokens, labels });
  }
  return { values, sequences };
}

/** One packed batch whose loss is the mean over the labelled tokens of `whole`, of which it may be a part. */
export function meanLossBatch(
  sequences: readonly TrainSequence[],
  whole: readonly TrainSequence[] = sequences,
): TrainBatch {
  return packBatch(sequences, 1 / whole.reduce((sum, sequence) => sum + labelledTokens(sequence), 0));
}
