// The surface of the native addon: everything that crosses between TypeScript and C++; what is loaded is in loading.ts. A change here is a change of design.
// Only strings, numbers and typed arrays cross. JS checks values, C++ checks state and guards memory.
// Letters in shapes: T tokens of a sequence, N packed tokens of a step, C width, D head size, F inner width, V vocabulary, R rank.

import type { BackendName, Compute, EncoderLoadOptions, LoadOptions } from "./loading.js";

export type {
  BackendName,
  Compute,
  EncoderLoadOptions,
  EncoderSpec,
  LayerSpec,
  LoadOptions,
  ModelSpec,
  RopeSpec,
  TensorType,
  WeightEntry,
  WeightFormat,
} from "./loading.js";

/** The sum of all calls of one kernel. */
export interface KernelCost {
  /** The method's name in native/kernels/backend.h; products with frozen weights add their shape, inputs to outputs. */
  readonly kernel: string;
  readonly calls: number;
  /** Of the steps, over all calls. */
  readonly rows: number;
  readonly seconds: number;
  /** Of products and attention, a multiply-add counted as two; 0 for kernels that only pass over memory. */
  readonly flop: number;
  /** Weights read and activations in and out, each once a call. */
  readonly bytes: number;
}

export interface NativeProfile {
  /** Spent in calls on this model so far, kernels and all else; loading (`prepare_weight`, `allocate`) is none of them. */
  readonly seconds: number;
  /** The longest first; empty unless the model was loaded with `profile`. */
  readonly kernels: readonly KernelCost[];
}

/** The seven linear layers that can carry an adapter. */
export type LoraTarget = "q_proj" | "k_proj" | "v_proj" | "o_proj" | "gate_proj" | "up_proj" | "down_proj";

export interface AdapterOptions {
  readonly rank: number;
  /** Multiplies B·A: alpha/r, or alpha/√r for rsLoRA. */
  readonly scale: number;
  readonly targets: readonly LoraTarget[];
}

export type RealArray = Float32Array | Float64Array;

/** One LoRA matrix: `model.layers.0.self_attn.q_proj.lora_A` (R, in) or `….lora_B` (out, R). */
export interface AdapterTensor {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

export interface NativeAdapter extends Disposable {
  readonly rank: number;
  readonly scale: number;
  tensors(): AdapterTensor[];
  /** A copy, row-major; Float64Array on `reference-double`. */
  get(name: string): RealArray;
  set(name: string, values: RealArray): void;
  dispose(): void;
}

export interface GenerateRequest {
  /** Names the row; with the seed it keys the row's random words. */
  readonly id: string;
  readonly tokens: Int32Array;
  /** Which of several samples of the same id this is. */
  readonly sample: number;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  /** Tokens that the answer may repeat (those of a reference answer), to draft from; the answer's own bits don't depend on it. */
  readonly draft?: Int32Array;
}

/**
 * `auto` drafts where that is expected to be faster; `on` wherever there is a place that fits. Answers are the same. Only on a backend where a row's bits depend
 * on the other rows of its step (cuda, unless batch-invariant) `on` may change them, and `auto` never drafts.
 */
export type DraftMode = "auto" | "off" | "on";

export interface GenerateOptions {
  readonly adapter: NativeAdapter | null;
  readonly compute: Compute;
  readonly seed: number;
  /** 0 takes the likeliest token (the smallest id on a tie). */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
  /** 0 keeps all. */
  readonly minP: number;
  /** 1 changes nothing; applied to tokens of the prompt and of the answer, as Hugging Face does. */
  readonly repetitionPenalty: number;
  readonly endTokens: Int32Array;
  /** Answers end where the decoded bytes contain one of these; needs setVocabulary. */
  readonly stopStrings: readonly string[];
  /** Most sequences at once. */
  readonly maxSequences: number;
  /** Most rows of one step (prompt chunks and decode rows together). */
  readonly rowsPerStep: number;
  /** Most bytes of keys and values; always at least the longest row's, rows that don't fit wait. 1 GiB where left out. */
  readonly cacheBytes?: number;
  /** `auto` where left out. */
  readonly drafts?: DraftMode;
  /** Whether prompts that begin alike share those tokens' keys and values (`shared` where left out). Answers are the same. */
  readonly prefixes?: "shared" | "apart";
}

export interface GenerateResult {
  /** The new tokens, an end token included. */
  readonly tokens: Int32Array;
  readonly finish: "stop" | "length" | "cancelled";
}

/** Called on the event loop at most once a step with what became known in it. */
export interface GenerateProgress {
  /** Per entry: index of a request, and its new token; several of one request stand in their order. */
  readonly indices: Int32Array;
  readonly tokens: Int32Array;
  /** Requests that ended in this step. */
  readonly finished: Int32Array;
  /** Prompt tokens read so far, of all requests; shared ones count for each. */
  readonly promptTokens: number;
  /** Tokens drafted so far, and those of them that the answers took. */
  readonly drafted: number;
  readonly accepted: number;
}

export interface ScoreRequest {
  readonly tokens: Int32Array;
  /** Log-probabilities are wanted of tokens[from…]; at least 1. */
  readonly from: number;
}

/** A training micro-batch: packed rows cut into segments. A segment's rows come after all rows of its parent, and it sees no other. */
export interface TrainBatch {
  /** (N) all rows. */
  readonly tokens: Int32Array;
  /** (N) the token that the row predicts, or -1. Already shifted: the last row of a sequence has -1. */
  readonly targets: Int32Array;
  /** (S) index of an earlier segment or -1. */
  readonly parents: Int32Array;
  /** (S + 1) first row of each segment; the last entry is N. */
  readonly starts: Int32Array;
  /** (S) example ids; with seed and step they key dropout. */
  readonly ids: readonly string[];
  /** The loss is the sum over targets times this: 1 / labelled tokens of the whole optimizer batch. */
  readonly lossScale: number;
  /**
   * Segment 0 is the common prefix of several batches of an update: the one that `closes` it runs it backward for them all, and forward it is run by the one
   * that `opens` it (again where not all is kept for backward). It holds no target. Not with dropout and dynamic ropes. Left out: the batch stands alone.
   */
  readonly prefix?: { readonly opens: boolean; readonly closes: boolean };
}

export interface TrainerOptions {
  readonly adapter: NativeAdapter;
  readonly dropout: number;
  readonly seed: number;
  /**
   * A batch of up to so many rows keeps all that its backward pass reads. A larger one keeps only as many layers as take the same memory, and each layer's
   * input; the other layers are run again, to the same bits. 0: inputs alone.
   */
  readonly storedRows: number;
  /**
   * Rows of the largest batch to come, the most that predict a labelled token in any, and those of the longest common prefix: buffers are taken once. Left
   * out, they grow with the batches.
   */
  readonly largestBatch?: { readonly rows: number; readonly labelledRows: number; readonly prefixRows: number };
}

export interface UpdateOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** 0 does not clip. */
  readonly maxGradNorm: number;
}

export interface TrainerState {
  /** Updates done. */
  readonly step: number;
  /** Adam's moments by adapter tensor name. */
  readonly firstMoments: Readonly<Record<string, RealArray>>;
  readonly secondMoments: Readonly<Record<string, RealArray>>;
}

export interface NativeTrainer extends Disposable {
  /** Adds the batch's gradients; returns its share of the loss (already scaled). */
  accumulate(batch: TrainBatch): Promise<{ readonly loss: number }>;
  /** One AdamW step over what was accumulated, then clears it. gradNorm is the norm before clipping. */
  update(options: UpdateOptions): Promise<{ readonly gradNorm: number }>;
  /** The gradient accumulated so far of one adapter tensor. */
  gradient(name: string): RealArray;
  state(): TrainerState;
  setState(state: TrainerState): void;
  dispose(): void;
}

export interface NativeModel extends Disposable {
  /** Bytes held by packed weights, and by the mapped files. */
  readonly memory: { readonly weights: number; readonly mapped: number };
  profile(): NativeProfile;
  /** Every token's bytes one after the other; token i has bytes[offsets[i] … offsets[i+1]]. (V + 1) offsets. Needed for stop strings. */
  setVocabulary(bytes: Uint8Array, offsets: Int32Array): void;
  createAdapter(options: AdapterOptions): NativeAdapter;
  createTrainer(options: TrainerOptions): NativeTrainer;
  /** Results in the order of the requests. */
  generate(
    requests: readonly GenerateRequest[],
    options: GenerateOptions,
    onProgress: ((progress: GenerateProgress) => void) | null,
  ): Promise<GenerateResult[]>;
  /** Natural-log probabilities, one array a request. */
  score(
    requests: readonly ScoreRequest[],
    options: { readonly adapter: NativeAdapter | null; readonly compute: Compute; readonly rowsPerStep: number },
    onProgress: ((done: number) => void) | null,
  ): Promise<RealArray[]>;
  /**
   * Of each predicted token KL(from‖to) in nats between what two adapters (null: the base model) predict, one array a request. Never negative; 0 where
   * both are the same.
   */
  divergence(
    requests: readonly ScoreRequest[],
    options: {
      readonly from: NativeAdapter | null;
      readonly to: NativeAdapter | null;
      readonly compute: Compute;
      readonly rowsPerStep: number;
    },
    onProgress: ((done: number) => void) | null,
  ): Promise<RealArray[]>;
  /** (T, V) of one sequence in f32, for parity tests and inspection. */
  logits(tokens: Int32Array, adapter: NativeAdapter | null): Promise<RealArray>;
  /** Ends a running call at the next step: generate's unfinished rows come back as `cancelled`, score and divergence reject with code `cancelled`. */
  cancel(): void;
  dispose(): void;
}

export interface NativeEncoder extends Disposable {
  /** Bytes held by packed weights, and by the mapped files. */
  readonly memory: { readonly weights: number; readonly mapped: number };
  /**
   * (texts, C) row-major: of each text the mean of its tokens' last hidden states, at length 1. Texts are token ids with the special ones around them; a
   * step takes as many as make up at most rowsPerStep tokens, and a longer one alone.
   */
  embed(
    texts: readonly Int32Array[],
    options: { readonly rowsPerStep: number },
    onProgress: ((done: number) => void) | null,
  ): Promise<RealArray>;
  /** Ends a running embed at the next step: it rejects with code `cancelled`. */
  cancel(): void;
  dispose(): void;
}

export interface BackendInfo {
  readonly name: "cpu" | "reference" | "cuda";
  readonly available: boolean;
  /** What it runs on (`AVX-512`), or why it is off. */
  readonly detail: string;
}

/** Sizes of the cuda library that a plan of the card's memory rests on. */
export interface PlannedSizes {
  /** Rows of a page of keys and values. */
  readonly pageRows: number;
  /** Of logits that are made together. */
  readonly logitBytes: number;
  /** Rows whose gradients of adapters are summed up apart. */
  readonly sumRows: number;
  /** Of cuBLASLt's products. */
  readonly workspaceBytes: number;
  /** Attention over more than `splitKeys` positions is split into up to `splitBlocks` blocks of `tileRows` rows, where it comes to few without. */
  readonly tileRows: number;
  readonly splitKeys: number;
  readonly splitBlocks: number;
  /** Head sizes that are cached in bf16, with at most so many query heads to a key-value head. */
  readonly flashHeads: readonly number[];
  readonly flashGroup: number;
  /** Channels of a head that attention takes at most. */
  readonly largestHead: number;
}

export interface NativeInfo {
  /** Raised when results change. */
  readonly revision: number;
  readonly compiler: string;
  readonly backends: readonly BackendInfo[];
  /** Three facts apart: the library (its architectures, or why there is none), the driver (its version, or none), the devices. */
  readonly cuda: {
    readonly library: string;
    readonly driver: string;
    readonly devices: readonly string[];
    /** Of the first device, as the driver tells now; null where cuda can't be used. */
    readonly memory: { readonly freeBytes: number; readonly totalBytes: number } | null;
    /** What the library's own memory is made of; null without a library. */
    readonly planned: PlannedSizes | null;
    /** Card, driver, library and cuBLASLt, which results depend on beside the engine; null where cuda can't be used. */
    readonly used: string | null;
    /** Everything in float32, for checking (SDFT_CUDA_EXACT): other kernels, and other bits. */
    readonly exact: boolean;
  };
  /** Instruction sets that the processor has, of those the kernels are compiled for. */
  readonly cpuFeatures: readonly string[];
  /** The one that the cpu backend takes (SDFT_CPU forces it), which results depend on beside the engine; null where cpu is off. */
  readonly instructionSet: string | null;
  readonly physicalCores: number;
}

/** One case of a self-test: `failure` names the first wrong element and the worst, and is null where the case passed. */
export interface SelfTestRow {
  readonly name: string;
  readonly failure: string | null;
  readonly seconds: number;
}

/** A product with a frozen matrix of `outputs` × `inputs`. */
export interface MeasuredProduct {
  readonly inputs: number;
  readonly outputs: number;
  /** How the matrix is stored; kept as it is. */
  readonly type: "f32" | "bf16" | "q8_0" | "q4_0" | "q4_1";
  readonly rows: number;
  readonly pass: "forward" | "gradient";
}

/** What the machine can do at most on so many threads. */
export interface Roof {
  /** f32 multiply-adds, counted as two. */
  readonly gflops: number;
  /** The one that reached it. */
  readonly instructionSet: string;
  /** Read from memory. */
  readonly gigabytesPerSecond: number;
}

export interface KernelMeasurements {
  readonly roof: Roof;
  /** In the order asked for: median seconds of one product, its weights cold, the bytes of weights it reads, and the multiply-add peak beside it. */
  readonly products: readonly { readonly seconds: number; readonly weightBytes: number; readonly peakGflops: number }[];
}

export interface NativeAddon {
  info(): NativeInfo;
  /** Maps the files, checks every entry against them and prepares the weights. Errors carry a `code`. */
  loadModel(options: LoadOptions): Promise<NativeModel>;
  /** The same for a sentence encoder. */
  loadEncoder(options: EncoderLoadOptions): Promise<NativeEncoder>;
  /** Runs every kernel of a backend on small shapes and compares with the reference. */
  selfTest(backend: BackendName): Promise<SelfTestRow[]>;
  /** Times the machine and the cpu backend's products; nothing else should run meanwhile. */
  measureKernels(options: {
    readonly threads: number;
    readonly products: readonly MeasuredProduct[];
  }): Promise<KernelMeasurements>;
}
