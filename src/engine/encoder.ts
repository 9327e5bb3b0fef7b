// A loaded sentence encoder: texts in, unit vectors out. The cosine of two texts is the dot product of their vectors.
import process from "node:process";
import type { EncoderPackage } from "../models/encoder-package.js";
import { loadAddon } from "../native/addon.js";
import type { NativeEncoder, WeightFormat } from "../native/types.js";
import type { DeviceName } from "./backend-choice.js";
import { cancellable } from "./cancellable.js";
import { planEmbedding } from "./encoder-memory.js";
import { type EngineSetting, engineSetting } from "./engine.js";
import { expectFits, memoryLimit } from "./memory-limit.js";

export interface EncoderOptions {
  readonly device?: DeviceName | "reference-double";
  readonly weights?: WeightFormat;
  /** 0 or left out: one for each core that may be used. */
  readonly threads?: number;
  /** As of an engine. */
  readonly batchInvariant?: boolean;
  /** Most bytes that the process may take; the system's limit where left out. */
  readonly memoryBudget?: number;
}

/** Tokens of one step; texts are packed without padding. Results don't depend on it. */
export const encoderRowsPerStep = 1024;

/** What a plan of memory counts on: texts of a sentence or two; the shortest would take 40 MB more. */
export const encoderWork = { rows: encoderRowsPerStep, texts: encoderRowsPerStep / 32 } as const;

const embeddingInterrupted = "Embedding was interrupted and nothing was kept: run the same command again.";

/** Loads an encoder's weights, unless they and a step's buffers would not fit. Dispose of it, or hold it with `using`. */
export async function openEncoder(model: EncoderPackage, options: EncoderOptions = {}): Promise<Encoder> {
  const setting = engineSetting(options);
  const { backend, threads, weightFormat, batchInvariant } = setting;
  const { spec, files, weights } = model;
  const processBytes = process.memoryUsage.rss();
  const planned = { model, backend, weightFormat, threads, processBytes, ...encoderWork };
  expectFits([planEmbedding(planned)], memoryLimit(options.memoryBudget ?? null));
  const native = await loadAddon().loadEncoder({
    ...{ spec, files, weights, backend, threads, weightFormat, batchInvariant },
  });
  return new Encoder(model, native, setting);
}

export class Encoder implements Disposable {
  constructor(
    readonly model: EncoderPackage,
    private readonly native: NativeEncoder,
    readonly setting: EngineSetting,
  ) {}

  /** Numbers of an embedding. */
  get width(): number {
    return this.model.spec.width;
  }

  /** What of this encoder its results depend on. */
  get fingerprint(): Readonly<Record<string, string | number>> {
    const { backend, weightFormat, info } = this.setting;
    const { fingerprint, maxTokens } = this.model;
    return { model: fingerprint, maxTokens, backend, weights: weightFormat, revision: info.revision };
  }

  /** Bytes held by packed weights, and by the mapped files. */
  get memory(): NativeEncoder["memory"] {
    return this.native.memory;
  }

  /** A vector of length 1 for each text, in their order. Longer texts are cut to the model's maxTokens. */
  async embed(
    texts: readonly string[],
    options: { onProgress?: (done: number) => void; signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array[]> {
    if (texts.length === 0) return [];
    const tokens = texts.map((text) => Int32Array.from(this.model.encode(text)));
    const flat = await cancellable(
      options.signal,
      embeddingInterrupted,
      () => this.native.cancel(),
      () => this.native.embed(tokens, { rowsPerStep: encoderRowsPerStep }, options.onProgress ?? null),
    );
    return texts.map((_, i) => Float32Array.from(flat.subarray(i * this.width, (i + 1) * this.width)));
  }

  dispose(): void {
    this.native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
