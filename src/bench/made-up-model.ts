// Models of well-known shapes with made-up weights, for figures of sizes that nobody wants to fetch. All matrices are the same pseudo-random 4-bit blocks of
// one small file; the engine packs each for itself, so memory and time are a real model's.
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectedTensors } from "../models/expected-tensors.js";
import type { ModelPackage } from "../models/package.js";
import { plainRope } from "../models/rope.js";
import type { ModelSpec, WeightEntry } from "../native/types.js";

/** What the sizes are those of. */
export const modelShapes = {
  "135M": shape("SmolLM2-135M", [49152, 576, 1536], [9, 3, 64], 30, "tied"),
  "0.5B": shape("Qwen2.5-0.5B", [151936, 896, 4864], [14, 2, 64], 24, "tied"),
  "1B": shape("Llama-3.2-1B", [128256, 2048, 8192], [32, 8, 64], 16, "tied"),
  "7B": shape("Llama-2-7B", [32000, 4096, 11008], [32, 32, 128], 32, "own"),
} as const satisfies Record<string, MadeUpShape>;

export type ShapeName = keyof typeof modelShapes;

export interface MadeUpShape {
  /** The model with these sizes. */
  readonly of: string;
  readonly spec: ModelSpec;
}

/** Writes the file; deleted with the package. */
export async function makeUpModel({ of, spec }: MadeUpShape): Promise<ModelPackage & AsyncDisposable> {
  const path = join(tmpdir(), `sdft-made-up-${process.pid}-${spec.width}.bin`);
  const weights = listWeights(spec);
  await writeBlocks(path, spec.width, Math.max(...weights.map(({ shape: [rows = 1, columns = 0] }) => rows * columns)));
  return {
    ...{ name: `${of} (made-up weights)`, path, files: [path], spec, weights, tokenizer: null },
    generationDefaults: { eosIds: [] },
    fingerprint: `made up ${of}`,
    [Symbol.asyncDispose]: () => rm(path, { force: true }),
  };
}

/** Bytes that its packed weights take, roughly: 4-bit blocks with a scale and a minimum each. */
export function weightBytes({ spec }: MadeUpShape): number {
  const elements = listWeights(spec).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return elements * (24 / 32);
}

function shape(
  of: string,
  [vocabSize, width, innerWidth]: readonly [number, number, number],
  [queryHeads, kvHeads, headSize]: readonly [number, number, number],
  layers: number,
  head: "tied" | "own",
): MadeUpShape {
  return {
    of,
    spec: {
      ...{ architecture: "llama", vocabSize, width, innerWidth, queryHeads, kvHeads, headSize, maxPositions: 4096 },
      ...{ normEpsilon: 1e-5, normOffset: 0, activation: "silu", embeddingScale: 1, attentionScale: headSize ** -0.5 },
      ...{ queryKeyNorm: false, sandwichNorms: false, tiedHead: head === "tied" },
      ropes: [plainRope(10000, headSize)],
      layers: Array.from({ length: layers }, () => ({ slidingWindow: 0, rope: 0 })),
    },
  };
}

/** The file begins with a norm; the blocks follow. */
function listWeights(spec: ModelSpec): WeightEntry[] {
  const place = { file: 0, rowOrder: "natural" } as const;
  return [...expectedTensors({ spec, biases: [] })].map(([name, shape]) =>
    shape.length === 1
      ? { ...place, name, type: "f32", shape, offset: 0 }
      : { ...place, name, type: "q4_0", shape, offset: 4 * spec.width },
  );
}

/** Bytes of a Q4_0 block: an f16 scale and 32 numbers of four bits. */
const [blockBytes, blockElements] = [18, 32];
/** 2^-9: weights of about ± 0.015. */
const scale = 0x1800;

/** Ones for the norms, then so many elements, a piece of pseudo-random blocks again and again. */
async function writeBlocks(path: string, width: number, elements: number): Promise<void> {
  const piece = new DataView(new ArrayBuffer(blockBytes * 65536));
  let state = 1;
  for (let at = 0; at < piece.byteLength; at += 2) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    piece.setUint16(at, at % blockBytes === 0 ? scale : state >>> 16, true);
  }
  const file = await open(path, "w");
  try {
    await file.write(new Uint8Array(new Float32Array(width).fill(1).buffer));
    for (let left = (elements / blockElements) * blockBytes; left > 0; left -= piece.byteLength)
      await file.write(new Uint8Array(piece.buffer, 0, Math.min(left, piece.byteLength)));
  } finally {
    await file.close();
  }
}
