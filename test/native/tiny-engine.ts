// A tiny model of test/fixtures on the reference backend, and well-formed arguments for each call, of which a test changes one.
import { join } from "node:path";
import { openModel } from "../../src/models/resolve.js";
import { loadAddon } from "../../src/native/addon.js";
import type { GenerateOptions, GenerateRequest, LoadOptions, NativeModel, TrainBatch } from "../../src/native/types.js";
import { fixturesFolder } from "../shared-folder.js";

export const modelFolder = join(fixturesFolder, "tiny", "qwen2-untied");

export async function loadOptions(): Promise<LoadOptions> {
  const { spec, files, weights } = await openModel(modelFolder);
  return { spec, files, weights, backend: "reference", threads: 1, weightFormat: "native" };
}

export async function load(): Promise<NativeModel> {
  return loadAddon().loadModel(await loadOptions());
}

export const request = (change: Partial<GenerateRequest> = {}): GenerateRequest => ({
  id: "a",
  tokens: Int32Array.of(5, 6, 7),
  sample: 0,
  maxNewTokens: 8,
  minNewTokens: 0,
  ...change,
});

export const options = (change: Partial<GenerateOptions> = {}): GenerateOptions => ({
  adapter: null,
  compute: "f32",
  seed: 1,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  endTokens: new Int32Array(),
  stopStrings: [],
  maxSequences: 4,
  rowsPerStep: 64,
  ...change,
});

export const batch = (change: Partial<TrainBatch> = {}): TrainBatch => ({
  tokens: Int32Array.of(5, 6, 7, 8),
  targets: Int32Array.of(6, -1, 8, -1),
  parents: Int32Array.of(-1, -1),
  starts: Int32Array.of(0, 2, 4),
  ids: ["a", "b"],
  lossScale: 0.5,
  ...change,
});

/** A value of another type than the surface allows. */
export const wrong = <T>(value: unknown): T => value as T;

/** Every token stands for one letter: token 1 is "b". */
export const letters = Uint8Array.from({ length: 96 }, (_, i) => 97 + (i % 26));
export const letterOffsets = Int32Array.from({ length: 97 }, (_, i) => i);
