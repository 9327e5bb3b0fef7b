// A short hash that changes when a model's spec or weights change, without reading gigabytes: every tensor's name, type and shape, and
// 4 KiB from its start and its middle. Training or merging changes a tensor nearly everywhere, so the samples notice it.

import { createHash } from "node:crypto";
import { readRanges } from "../formats/open-file.js";
import { tensorBytes } from "../formats/tensor-type.js";
import type { EncoderSpec, ModelSpec, WeightEntry } from "../native/types.js";

const SAMPLE_BYTES = 4096;

/** 64 hexadecimal digits; where the file lies and when it was written don't matter. */
export async function fingerprintModel(
  files: readonly string[],
  spec: ModelSpec | EncoderSpec,
  weights: readonly WeightEntry[],
): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(spec, (_, value: unknown) => (value instanceof Float64Array ? [...value] : value)));
  for (const [i, path] of files.entries()) {
    const entries = weights.filter((entry) => entry.file === i);
    const samples = await readRanges("model file", path, entries.flatMap(sampleRanges));
    for (const { name, type, shape, rowOrder } of entries) hash.update(JSON.stringify([name, type, shape, rowOrder]));
    for (const sample of samples) hash.update(sample);
  }
  return hash.digest("hex");
}

function sampleRanges({ type, shape, offset }: WeightEntry): { offset: number; length: number }[] {
  const bytes = tensorBytes(type, shape);
  if (bytes <= 2 * SAMPLE_BYTES) return [{ offset, length: bytes }];
  return [
    { offset, length: SAMPLE_BYTES },
    { offset: offset + Math.floor(bytes / 2), length: SAMPLE_BYTES },
  ];
}
