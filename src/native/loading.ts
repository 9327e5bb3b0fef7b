// The part of the addon's surface (types.ts) that says what is loaded, and how: models and encoders as data, their stored tensors, and where they run.
// Letters in shapes: C width, D head size, T tokens of a sequence.

/** `reference-double` is the reference backend in double precision, for finite differences. */
export type BackendName = "cpu" | "reference" | "reference-double" | "cuda";

export type TensorType = "f32" | "bf16" | "f16" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "q8_0" | "q4_k" | "q5_k" | "q6_k";

/** How frozen weights are kept while running; `native` keeps the file's values exactly. */
export type WeightFormat = "native" | "f32" | "bf16" | "q8" | "q4";

/**
 * Arithmetic of the frozen products when generating and scoring. `int`: activations quantised to 8 bits, 32 at a time, times the weights' own
 * integers; refused with code `compute` where weights are not held as integers. Training is always f32.
 */
export type Compute = "f32" | "int";

/** Rotary embedding as data. */
export interface RopeSpec {
  /** (D/2) radians a position, computed in double; scaling (linear, llama3, yarn) already applied. */
  readonly inverseFrequencies: Float64Array;
  /** Multiplies cosines and sines (yarn's attention factor); 1 otherwise. */
  readonly attentionScale: number;
  /**
   * Dynamic NTK scaling, or null: a sequence longer than originalMaxPositions turns with base
   * theta · (factor·T/original − (factor − 1))^(D/(D−2)), T = the sequence's length (for generation: its prompt plus its limit).
   */
  readonly dynamic: {
    readonly theta: number;
    readonly factor: number;
    readonly originalMaxPositions: number;
  } | null;
}

export interface LayerSpec {
  /** A row sees itself and this many minus one rows before it; 0 sees all. */
  readonly slidingWindow: number;
  /** Index into ModelSpec.ropes. */
  readonly rope: number;
}

/** A decoder as data: what config.json or GGUF metadata says, in the engine's terms. */
export interface ModelSpec {
  /** The file's own name of it (llama, mistral, qwen2, qwen3, gemma3), for messages. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly width: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly innerWidth: number;
  readonly maxPositions: number;
  readonly normEpsilon: number;
  /** Added to every norm weight (Gemma stores weight − 1); 0 otherwise. */
  readonly normOffset: number;
  readonly activation: "silu" | "gelu_tanh";
  /** Multiplies the embedded tokens (Gemma: √C); 1 otherwise. */
  readonly embeddingScale: number;
  /** Multiplies query · key; normally 1/√D. */
  readonly attentionScale: number;
  /** An RMSNorm over each head of queries and keys before the rotation (Qwen3, Gemma 3). */
  readonly queryKeyNorm: boolean;
  /** A second norm after attention and after the MLP, before the residual is added (Gemma 3). */
  readonly sandwichNorms: boolean;
  /** The head is the embedding table. */
  readonly tiedHead: boolean;
  readonly ropes: readonly RopeSpec[];
  readonly layers: readonly LayerSpec[];
}

/**
 * One stored tensor under its Hugging Face name (`model.embed_tokens.weight`, `model.layers.0.self_attn.q_proj.weight`, …, `model.norm.weight`,
 * `lm_head.weight`). A linear layer has a bias when its `.bias` is listed. Matrices are (out, in), rows contiguous.
 */
export interface WeightEntry {
  readonly name: string;
  readonly type: TensorType;
  /** [rows, columns] or [length]. */
  readonly shape: readonly number[];
  /** Index into LoadOptions.files. */
  readonly file: number;
  /** Bytes from the file's start. */
  readonly offset: number;
  /** `interleaved`: rows of each head in GGUF's llama order (pairs beside each other); the loader restores half rotation. */
  readonly rowOrder: "natural" | "interleaved";
}

/** What decoders and encoders are loaded with alike. */
interface StoredModel {
  readonly files: readonly string[];
  readonly weights: readonly WeightEntry[];
  readonly backend: BackendName;
  readonly threads: number;
  readonly weightFormat: WeightFormat;
  /** A row's bits don't depend on the other rows of its batch. All backends but cuda are always so. */
  readonly batchInvariant?: boolean;
}

export interface LoadOptions extends StoredModel {
  readonly spec: ModelSpec;
  /** Adds up what each kernel costs, for NativeModel.profile(). Changes no result. */
  readonly profile?: boolean;
  /** Bytes of a card to take in one piece for weights and buffers; 0 or left out: as they are needed. */
  readonly deviceBytes?: number;
}

/** A sentence encoder of the BERT family as data. Its tensors have BERT's own names, the pooler left out. */
export interface EncoderSpec {
  readonly architecture: string;
  readonly vocabSize: number;
  readonly width: number;
  readonly heads: number;
  readonly innerWidth: number;
  readonly layers: number;
  readonly maxPositions: number;
  /** Rows of the table of segment types, of which the first is used. */
  readonly segmentTypes: number;
  readonly normEpsilon: number;
}

export interface EncoderLoadOptions extends StoredModel {
  readonly spec: EncoderSpec;
}
