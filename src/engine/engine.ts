// One loaded copy of a model's weights that distils, trains and evaluates; adapters are attached per call.
import { availableParallelism } from "node:os";
import { contentHash } from "../base/content-hash.js";
import { InputError } from "../base/error.js";
import type { ModelPackage } from "../models/package.js";
import { loadAddon } from "../native/addon.js";
import type {
  BackendName,
  Compute,
  ModelSpec,
  NativeAdapter,
  NativeInfo,
  NativeModel,
  NativeProfile,
  NativeTrainer,
  RealArray,
  ScoreRequest,
  TrainerOptions,
  WeightFormat,
} from "../native/types.js";
import { fillAdapter, readAdapterFolder, writeAdapterFolder } from "./adapter-folder.js";
import { type AdapterSettings, adapterScale } from "./adapter-settings.js";
import { chooseBackend, type DeviceName } from "./backend-choice.js";
import { cancellable } from "./cancellable.js";
import {
  type Completion,
  type GenerationEffort,
  type GenerationHooks,
  generateBatch,
  type Prompt,
} from "./generate.js";
import { rowsPerStep } from "./generation-batch.js";
import type { Sampling } from "./sampling.js";
import { selfTestOutcome } from "./self-test-record.js";

export interface EngineOptions {
  readonly device?: DeviceName | "reference-double";
  readonly weights?: WeightFormat;
  /** Of generating and scoring; `f32` where left out. Training is always f32. */
  readonly compute?: Compute;
  /** 0 or left out: one for each core that may be used. */
  readonly threads?: number;
  /** A row's bits don't depend on the other rows of its batch; on the cpu that is always so. */
  readonly batchInvariant?: boolean;
  /** Adds up what each kernel costs, for `Engine.profile`. */
  readonly profile?: boolean;
  /** Bytes to take of a card in one piece before the weights; 0 or left out: as they are needed. */
  readonly deviceBytes?: number;
  /** Most sequences that generate runs at once, where a call doesn't say; for memory. Answers are the same. */
  readonly maxSequences?: number;
}

/** An adapter on the loaded base model. */
export interface AdapterHandle {
  readonly native: NativeAdapter;
  readonly settings: AdapterSettings;
  dispose(): void;
}

export interface LoadedAdapter {
  readonly adapter: AdapterHandle;
  /** Sentences a person should see. */
  readonly warnings: readonly string[];
}

/** What an answer is generated with. */
export interface GenerateWith extends GenerationHooks, GenerationEffort {
  readonly adapter?: AdapterHandle | null;
  /** Ends an answer beside the model's own end tokens. */
  readonly endTokens?: readonly number[];
}

export interface ScoreRow {
  readonly id: string;
  readonly tokens: readonly number[] | Int32Array;
  /** First token whose log-probability is wanted; at least 1. */
  readonly from: number;
}

/** A sequence and how many of its tokens are not looked at. */
export interface DivergenceRow {
  readonly id: string;
  readonly tokens: readonly number[] | Int32Array;
  /** Tokens of the prompt, at least 1: what follows is predicted. */
  readonly promptLength: number;
}

export interface Divergence {
  readonly id: string;
  /** Of each token after the prompt, KL(from‖to) in nats between what the two predict in its place. */
  readonly kl: Float32Array;
}

interface CallHooks {
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const scoringInterrupted = "Scoring was interrupted and nothing was kept: run the same command again.";

/** Loads a model's weights. Dispose of the engine, or hold it with `using`. */
export async function openEngine(model: ModelPackage, options: EngineOptions = {}): Promise<Engine> {
  const setting = engineSetting(options);
  const { backend, threads, weightFormat, batchInvariant } = setting;
  const { spec, files, weights } = model;
  const native = await loadAddon().loadModel({
    ...{ spec, files, weights, backend, threads, weightFormat, batchInvariant },
    profile: options.profile ?? false,
    deviceBytes: options.deviceBytes ?? 0,
  });
  return new Engine(model, native, setting, options.maxSequences);
}

/** How an engine with these options would run here. Throws for a device that is off and for more threads than processors. */
export function engineSetting(options: EngineOptions): EngineSetting {
  const info = loadAddon().info();
  const device = options.device ?? "auto";
  const backend = chooseBackend(device, info, selfTestOutcome(info));
  const processors = availableParallelism();
  const threads = options.threads || Math.min(info.physicalCores, processors);
  if (threads > processors) {
    throw new InputError(
      "threads",
      `Expected at most ${processors} threads, the processors that this process may use, but received ${threads}.`,
    );
  }
  const { weights: weightFormat = "native", compute = "f32", batchInvariant = false } = options;
  return { backend, threads, weightFormat, compute, batchInvariant, info };
}

export interface EngineSetting {
  readonly backend: BackendName;
  readonly threads: number;
  readonly weightFormat: WeightFormat;
  readonly compute: Compute;
  readonly batchInvariant: boolean;
  readonly info: NativeInfo;
}

/** What of a model and a setting results depend on; part of every stage's hash. */
export function engineFingerprint(
  model: Pick<ModelPackage, "fingerprint">,
  { backend, weightFormat, compute, batchInvariant, info }: EngineSetting,
): Readonly<Record<string, string | number>> {
  return {
    ...{ model: model.fingerprint, backend, weights: weightFormat, compute, revision: info.revision },
    // Elsewhere it changes no bit.
    ...(backend === "cuda" && batchInvariant ? { batch: "invariant" } : {}),
    ...(backend === "cuda" && info.cuda.exact ? { products: "f32" } : {}),
  };
}

/** Instruction sets with another one's bits, where floats are multiplied by weights that stand as floats, and in integer products. */
const sameBitsOfFloats: Readonly<Record<string, string>> = { avx512digits: "avx512vnni" };
const sameBitsOfIntegers: Readonly<Record<string, string>> = { ...sameBitsOfFloats, avx512amx: "avx512vnni" };

export class Engine implements Disposable {
  private vocabularySet = false;

  constructor(
    readonly model: ModelPackage,
    private readonly native: NativeModel,
    readonly setting: EngineSetting,
    private readonly maxSequences?: number,
  ) {}

  get spec(): ModelSpec {
    return this.model.spec;
  }

  get fingerprint(): Readonly<Record<string, string | number>> {
    return engineFingerprint(this.model, this.setting);
  }

  /**
   * What the last bits of results depend on beside the fingerprint: the card with its libraries, or the instruction set. No part of a stage's hash: what is
   * finished stays good on another machine, but a warning is due where a stage is half one's and half another's.
   */
  get device(): string | null {
    const { backend, compute, weightFormat, info } = this.setting;
    if (backend === "cuda") return info.cuda.used;
    if (backend !== "cpu" || info.instructionSet === null) return null;
    if (compute === "int") return sameBitsOfIntegers[info.instructionSet] ?? info.instructionSet;
    const floats = weightFormat === "f32" || weightFormat === "bf16";
    return (floats ? sameBitsOfFloats[info.instructionSet] : undefined) ?? info.instructionSet;
  }

  /** Bytes held by packed weights, and by the mapped files. */
  get memory(): NativeModel["memory"] {
    return this.native.memory;
  }

  /** What each kernel has cost so far; no kernels unless the engine was opened with `profile`. */
  get profile(): NativeProfile {
    return this.native.profile();
  }

  /** Completions in the order of the prompts. */
  async generate(prompts: readonly Prompt[], sampling: Sampling, options: GenerateWith = {}): Promise<Completion[]> {
    if (sampling.stop.length > 0) this.setVocabulary();
    const tokenizer = this.model.tokenizer;
    const endTokens = [...new Set([...this.model.generationDefaults.eosIds, ...(options.endTokens ?? [])])];
    const context = {
      native: this.native,
      spec: this.spec,
      adapter: options.adapter?.native ?? null,
      compute: this.setting.compute,
      decode:
        tokenizer === null ? null : (tokens: readonly number[]) => tokenizer.decode(tokens, { skipSpecial: true }),
      endTokens,
      effort: { ...options, maxSequences: options.maxSequences ?? this.maxSequences },
    };
    return generateBatch(context, prompts, sampling, options);
  }

  /** For each row the natural-log probabilities of its tokens from `from` on. */
  async score(
    rows: readonly ScoreRow[],
    options: CallHooks & {
      adapter?: AdapterHandle | null;
      /** Most rows of a step; results don't depend on it. */
      rowsPerStep?: number;
    } = {},
  ): Promise<RealArray[]> {
    const requests = rows.map((row) => this.toScoreRequest(row));
    const { compute } = this.setting;
    const adapter = options.adapter?.native ?? null;
    const settings = { adapter, compute, rowsPerStep: options.rowsPerStep ?? rowsPerStep };
    return this.runScoring(requests, options, (onProgress) => this.native.score(requests, settings, onProgress));
  }

  /** How far two adapters (null: the base model) are apart on the same tokens; 0 where they are the same, never below. */
  async divergence(
    rows: readonly DivergenceRow[],
    options: CallHooks & { from: AdapterHandle | null; to: AdapterHandle | null },
  ): Promise<Divergence[]> {
    const requests = rows.map(({ id, tokens, promptLength }) =>
      this.toScoreRequest({ id, tokens, from: promptLength }),
    );
    const { compute } = this.setting;
    const [from, to] = [options.from?.native ?? null, options.to?.native ?? null];
    const values = await this.runScoring(requests, options, (onProgress) =>
      this.native.divergence(requests, { from, to, compute, rowsPerStep }, onProgress),
    );
    return rows.map(({ id }, i) => ({ id, kl: Float32Array.from(values[i] ?? []) }));
  }

  /** (T, V) of one sequence, in f32 whatever the setting. */
  logits(tokens: readonly number[] | Int32Array, adapter: AdapterHandle | null = null): Promise<RealArray> {
    return this.native.logits(Int32Array.from(tokens), adapter?.native ?? null);
  }

  /** An adapter whose matrices are all zero: the base model. */
  createAdapter(settings: AdapterSettings): AdapterHandle {
    const native = this.native.createAdapter({
      rank: settings.rank,
      scale: adapterScale(settings),
      targets: settings.targets,
    });
    return { native, settings, dispose: () => native.dispose() };
  }

  /** Reads a folder in peft's layout. An adapter that doesn't fit is an error; one trained on a base of another name a warning. */
  async loadAdapter(folder: string): Promise<LoadedAdapter> {
    const stored = await readAdapterFolder(folder);
    const adapter = this.createAdapter(stored.settings);
    try {
      fillAdapter(adapter.native, stored, this.model.name);
    } catch (error) {
      adapter.dispose();
      throw error;
    }
    const other = stored.baseModel !== null && baseName(stored.baseModel) !== baseName(this.model.name);
    const warning = `The adapter in ${stored.folder} was trained on ${stored.baseModel}, and the model loaded is ${this.model.name}; names and shapes fit, so it is used.`;
    return { adapter, warnings: other ? [warning] : [] };
  }

  /** Puts a stored adapter's numbers into one of the same shape. */
  async readAdapterInto(adapter: AdapterHandle, folder: string): Promise<void> {
    fillAdapter(adapter.native, await readAdapterFolder(folder), this.model.name);
  }

  /** Writes adapter_config.json and adapter_model.safetensors. */
  saveAdapter(adapter: AdapterHandle, folder: string): Promise<void> {
    return writeAdapterFolder(adapter.native, { folder, settings: adapter.settings, baseModel: this.model.name });
  }

  /** Names an adapter's numbers and scaling; null for the base model. */
  hashAdapter(adapter: AdapterHandle | null): string | null {
    if (adapter === null) return null;
    const tensors = adapter.native.tensors().map(({ name }) => [name, Float32Array.from(adapter.native.get(name))]);
    return contentHash([adapterScale(adapter.settings), tensors]);
  }

  createTrainer(adapter: AdapterHandle, options: Omit<TrainerOptions, "adapter">): NativeTrainer {
    return this.native.createTrainer({ adapter: adapter.native, ...options });
  }

  dispose(): void {
    this.native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private setVocabulary(): void {
    if (this.vocabularySet || this.model.tokenizer === null) return;
    const { bytes, offsets } = this.model.tokenizer.tokenBytes(this.spec.vocabSize);
    this.native.setVocabulary(bytes, offsets);
    this.vocabularySet = true;
  }

  /** A call on the native model that the signal can end. */
  private async runScoring(
    requests: readonly ScoreRequest[],
    { onProgress, signal }: CallHooks,
    start: (onProgress: ((done: number) => void) | null) => Promise<RealArray[]>,
  ): Promise<RealArray[]> {
    if (requests.length === 0) return [];
    return cancellable(
      signal,
      scoringInterrupted,
      () => this.native.cancel(),
      () => start(onProgress ?? null),
    );
  }

  private toScoreRequest(row: ScoreRow): ScoreRequest {
    const tokens = Int32Array.from(row.tokens);
    const most = mostScored(this.spec);
    if (tokens.length > most) {
      throw new InputError(
        "too_long",
        `Expected at most ${most} tokens in row ${row.id}, the model's context length and one that is only predicted, but it has ${tokens.length}.`,
      );
    }
    if (row.from < 1 || row.from >= tokens.length) {
      throw new InputError(
        "nothing_to_score",
        `Expected at least one token after the first in row ${row.id} but there is nothing to score.`,
      );
    }
    return { tokens, from: row.from };
  }
}

/** Most tokens of a row that is scored: the last one is predicted and never read. */
export function mostScored({ maxPositions }: Pick<ModelSpec, "maxPositions">): number {
  return maxPositions + 1;
}

/** `HuggingFaceTB/SmolLM2-135M-Instruct` and `SmolLM2-135M-Instruct` name the same base. */
function baseName(name: string): string {
  return (name.split(/[\\/]/).filter(Boolean).at(-1) ?? name).toLowerCase();
}
