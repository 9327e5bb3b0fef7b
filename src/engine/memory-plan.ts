// How much memory a piece of work will take, from sizes alone: nothing is loaded and nothing of the machine is asked. The formulas follow the buffers of
// native/model (activations.cc, decoder.cc, kv_cache.cc) and native/kernels/cpu/packed_weight.cc; a change there belongs here too. On cuda a plan
// is of the card's memory, not of the process's.
import type { BackendName, Compute, LoraTarget, ModelSpec, WeightEntry, WeightFormat } from "../native/types.js";
import { headChunk, keys, pageRows, queries, trainingScratch, workerBytes } from "./cpu-scratch.js";
import { cachedBytes, deviceLibraries, deviceScratch } from "./device-scratch.js";
import { weightMemory } from "./weight-memory.js";

/** One line of a plan. */
export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
  /** What makes it smaller; null where nothing does. */
  readonly remedy: string | null;
}

export interface MemoryPlan {
  readonly purpose: "training" | "generating" | "scoring" | "loading" | "embedding";
  /** What is held at the worst moment, all at once. */
  readonly parts: readonly MemoryPart[];
  /** Their sum. */
  readonly peak: number;
  /** Of generating: most sequences at once, which the engine then keeps to. */
  readonly sequences?: number;
  /** Of training where the limit allows no more: of how many layers the largest micro-batch keeps all activations. */
  readonly keptLayers?: number;
}

/** What is loaded, and how. */
export interface PlannedModel {
  readonly spec: ModelSpec;
  readonly weights: readonly WeightEntry[];
  readonly backend: BackendName;
  readonly weightFormat: WeightFormat;
  /** Of generating and scoring; without it f32. */
  readonly compute?: Compute;
  readonly threads: number;
  /** Of a device that computes everything in float32 (SDFT_CUDA_EXACT). */
  readonly exact?: boolean;
  /** Bytes of the process without the engine: Node, its code, the tokenizer. Measured, or `typicalProcessBytes`. */
  readonly processBytes: number;
}

/** Node 20 with a tokenizer of 50,000 tokens, rounded up. */
export const typicalProcessBytes = 128 * 2 ** 20;

export interface PlannedAdapter {
  readonly rank: number;
  readonly targets: readonly LoraTarget[];
}

export interface TrainingWork {
  readonly adapter: PlannedAdapter;
  readonly dropout: number;
  /** As TrainerOptions has it. */
  readonly storedRows: number;
  /** Of the largest micro-batch, packed. */
  readonly rows: number;
  /** Rows that predict a labelled token, of the micro-batch with the most. */
  readonly labelledRows: number;
  /** Tokens of the longest example. */
  readonly longest: number;
  /** Most examples of a micro-batch. */
  readonly examples: number;
  /** Of the longest prefix that micro-batches of an update have in common. */
  readonly prefixRows: number;
}

export interface GenerationWork {
  readonly adapter: PlannedAdapter | null;
  /** Most sequences at once. */
  readonly sequences: number;
  /** Most tokens of each row: its prompt and its answer. */
  readonly lengths: readonly number[];
  readonly rowsPerStep: number;
  /** Most bytes of keys and values; at least the longest row's are taken. */
  readonly cacheBytes: number;
}

export interface ScoringWork {
  readonly adapter: PlannedAdapter | null;
  /** Most rows of a step: of those packed together, or of the longest sequence where it is longer. */
  readonly rows: number;
  /** Most sequences of a step. */
  readonly sequences: number;
}

/** The weights alone, while they are read. */
export function planLoading(model: PlannedModel): MemoryPlan {
  return plan("loading", held(model));
}

/** At the end of a forward pass: everything stored, and the scratch of both directions. */
export function planTraining(model: PlannedModel, work: TrainingWork): MemoryPlan {
  const real = realBytes(model.backend);
  const adapter = adapterReals(model.spec, work.adapter);
  const { stored, pass } = passLayout(model.spec, work);
  return plan("training", [
    ...held(model),
    {
      name: "activations",
      bytes: real * stored,
      remedy: work.storedRows > 0 ? `${fewer} or use --activations recompute` : fewer,
    },
    { name: "training scratch", bytes: real * pass + trainingKernels(model, work), remedy: fewer },
    {
      name: "adapter, gradients and moments",
      bytes: real * 4 * adapter + 2 * 4 * adapter,
      remedy: "lower --lora-r or name fewer --lora-target",
    },
  ]);
}

const fewer = "lower --micro-batch-tokens";

/** Of how many layers the largest micro-batch keeps all activations; the others run again in the backward pass, to the same bits. */
export function keptLayers(spec: ModelSpec, work: Pick<TrainingWork, "adapter" | "storedRows" | "rows">): number {
  const { beforeOutput, afterOutput } = layerReals(spec, work.adapter);
  return setsFor(spec, work, beforeOutput + afterOutput);
}

/** Tokens that a row drafts at most (native/sampling/drafter.h), and rows of logits of a step that drafts (scheduler.cc). */
const mostDrafted = 12;
const mostChecked = 64;

/** With the cache full, and tokens drafted. */
export function planGeneration(model: PlannedModel, work: GenerationWork): MemoryPlan {
  const { spec } = model;
  const real = realBytes(model.backend);
  const sequences = Math.min(work.sequences, work.rowsPerStep, work.lengths.length);
  const longest = [...work.lengths].sort((a, b) => b - a).slice(0, sequences);
  const pageBytes = cachedNumberBytes(model) * 2 * pageRows * keys(spec) * spec.layers.length;
  const pages = longest.map((length) => Math.ceil(length / pageRows));
  const together = pages.reduce((sum, count) => sum + count, 0);
  const cache = pageBytes * Math.max(pages[0] ?? 0, Math.min(together, Math.floor(work.cacheBytes / pageBytes)));
  // Drawn from where they lie, except in double precision, of which the sampler takes a copy in floats.
  const drawing = model.backend === "cuda" ? 0 : 12 * model.threads;
  const checked = Math.max(sequences, Math.min(mostChecked, work.rowsPerStep, sequences * (1 + mostDrafted)));
  const logits = spec.vocabSize * ((real === 4 ? real : real + 4) * checked + drawing);
  const parts = [
    ...held(model),
    { name: "keys and values", bytes: cache, remedy: "lower --max-new-tokens or shorten the prompts" },
    {
      name: "generation scratch",
      bytes: real * decoderReals(spec, work) + logits + generationKernels(model, work),
      remedy: null,
    },
    ...adapterPart(model, work.adapter),
  ];
  return { ...plan("generating", parts), sequences: work.sequences };
}

/** With as few sequences at once as it takes to stay within so many bytes, down to one; answers are the same. */
export function fitGeneration(model: PlannedModel, work: GenerationWork, bytes: number): MemoryPlan {
  let sequences = Math.max(1, Math.min(work.sequences, work.rowsPerStep));
  let fitted = planGeneration(model, work);
  while (fitted.peak > bytes && sequences > 1) {
    sequences--;
    fitted = planGeneration(model, { ...work, sequences });
  }
  return fitted;
}

/** Without a cache: the keys and values of a step's own rows, and the head a chunk at a time. */
export function planScoring(model: PlannedModel, work: ScoringWork): MemoryPlan {
  const { spec } = model;
  const real = realBytes(model.backend);
  // Of products, and of the second rows of a divergence.
  const tiles = work.rows * (Math.max(spec.width, queries(spec), spec.innerWidth) + spec.width);
  const pages = 2 * (work.rows + work.sequences * pageRows) * keys(spec);
  const head = work.rows * (2 * Math.ceil(spec.vocabSize / headChunk) + 1);
  const decoder = decoderReals(spec, { rowsPerStep: work.rows, adapter: work.adapter });
  const device = deviceScratch(model, {
    ...forward(work.adapter),
    rows: work.rows,
    lossRows: work.rows,
    sequences: work.sequences,
  });
  return plan("scoring", [
    ...held(model),
    {
      name: "scoring scratch",
      bytes:
        real * decoder +
        (model.backend === "cuda" ? device : 4 * (tiles + pages + head) + model.threads * workerBytes(spec)),
      remedy: "score shorter rows",
    },
    ...adapterPart(model, work.adapter),
  ]);
}

function adapterPart(model: PlannedModel, adapter: PlannedAdapter | null): MemoryPart[] {
  if (adapter === null) return [];
  return [{ name: "adapter", bytes: realBytes(model.backend) * adapterReals(model.spec, adapter), remedy: null }];
}

/** Bytes to take of a card in one piece, for the largest of the plans; 0 without plans: what will come is not known. */
export function reservedBytes(plans: readonly MemoryPlan[]): number {
  return plans.reduce((most, { peak }) => Math.max(most, peak - deviceLibraries.bytes), 0);
}

/** Bytes that training keeps for each row of a micro-batch between forward and backward: all that backward reads, or each layer's input alone. */
export function activationRowBytes(spec: ModelSpec, adapter: PlannedAdapter, kept: "all" | "inputs"): number {
  return 4 * storedReals(spec, { adapter, storedRows: kept === "all" ? 1 : 0, rows: 1, labelledRows: 1 });
}

function realBytes(backend: BackendName): number {
  return backend === "reference-double" ? 8 : 4;
}

/** Of a key's or value's number in the cache; beside integer products the cpu keeps halves (scheduler.cc). */
function cachedNumberBytes({ spec, backend, compute, exact }: PlannedModel): number {
  if (backend === "cuda") return cachedBytes(spec, exact);
  return backend === "cpu" && compute === "int" ? 2 : realBytes(backend);
}

/** What is there whatever the work: the process, the weights, and what of the file is read again and again. */
function held(model: PlannedModel): MemoryPart[] {
  const { packed, embeddingRows } = weightMemory(model.weights, model);
  if (model.backend === "cuda") {
    const remedy = model.weightFormat === "q4" ? "use a smaller model" : "use --weights q4";
    return [{ name: `weights (${model.weightFormat})`, bytes: packed, remedy }, deviceLibraries];
  }
  const smaller =
    model.weightFormat === "f32" ? "use --weights native" : "use a smaller or more coarsely quantised model";
  return [
    { name: "Node and tokenizer", bytes: model.processBytes, remedy: null },
    { name: `weights (${model.weightFormat})`, bytes: packed, remedy: smaller },
    { name: "embedding rows of the file", bytes: embeddingRows, remedy: null },
  ];
}

function plan(purpose: MemoryPlan["purpose"], parts: readonly MemoryPart[]): MemoryPlan {
  return { purpose, parts, peak: parts.reduce((sum, part) => sum + part.bytes, 0) };
}

/**
 * Reals of the piece of memory that every micro-batch is laid out in (TrainingPass::make_room): for the largest, or, where that does not keep all layers, for
 * one of `storedRows` rows, which does.
 */
function passLayout(spec: ModelSpec, work: TrainingWork): { readonly stored: number; readonly pass: number } {
  const whole = Math.min(work.rows, work.storedRows);
  const layouts = [work, { ...work, rows: whole, labelledRows: Math.min(work.labelledRows, whole) }].map((one) => ({
    stored: storedReals(spec, one),
    pass: passReals(spec, one),
  }));
  return layouts.reduce((a, b) => (b.stored + b.pass > a.stored + a.pass ? b : a));
}

/** Reals of Activations::inputs and ::sets. */
function storedReals(
  spec: ModelSpec,
  work: Pick<TrainingWork, "adapter" | "storedRows" | "rows" | "labelledRows">,
): number {
  const { rows, labelledRows } = work;
  const layers = spec.layers.length;
  const { beforeOutput, afterOutput } = layerReals(spec, work.adapter);
  const sets = setsFor(spec, work, beforeOutput + afterOutput);
  // The last layer goes on with the labelled rows alone, where it has a set of its own.
  const lastRows = sets > 1 || layers === 1 ? labelledRows : rows;
  return layers * rows * spec.width + sets * rows * beforeOutput + ((sets - 1) * rows + lastRows) * afterOutput;
}

/** Reals of a row that a layer's set holds, before and after its output projection. */
function layerReals(spec: ModelSpec, adapter: PlannedAdapter) {
  const early = adapter.targets.filter((target) => ["q_proj", "k_proj", "v_proj"].includes(target)).length;
  const late = adapter.targets.length - early;
  const norms = spec.queryKeyNorm ? queries(spec) + keys(spec) : 0;
  return {
    beforeOutput: norms + 2 * queries(spec) + 2 * keys(spec) + spec.queryHeads + early * adapter.rank,
    afterOutput: spec.width + 2 * spec.innerWidth + (spec.sandwichNorms ? 2 * spec.width : 0) + late * adapter.rank,
  };
}

/** Activations::sets_for. */
function setsFor(spec: ModelSpec, work: Pick<TrainingWork, "storedRows" | "rows">, set: number): number {
  const layers = spec.layers.length;
  if (work.rows <= work.storedRows) return layers;
  const room = Math.floor((work.storedRows * layers * (spec.width + set)) / work.rows) - layers * spec.width;
  return Math.min(layers, Math.max(1, Math.floor(room / set)));
}

/** Reals of the scratch that Activations, PrefixGradients and RopeTables hold. */
function passReals(spec: ModelSpec, work: TrainingWork): number {
  const { rows, labelledRows } = work;
  const widest = Math.max(spec.width, queries(spec), spec.innerWidth);
  const perRow =
    5 * spec.width + // normed, branch, branch_gradient, dstream, dnormed
    2 * spec.innerWidth + // product (scratch that a fused kernel leaves alone), dproduct
    2 * queries(spec) + // dquery, dattended
    2 * keys(spec) + // dkey, dvalue
    work.adapter.rank +
    spec.ropes.length * spec.headSize +
    (work.dropout > 0 ? 2 * widest : 0) +
    8; // tokens, positions and other integers
  const perLabelled = 3 * spec.width + 2 * queries(spec) + 8;
  const perPrefixRow = 2 * keys(spec) * spec.layers.length;
  return rows * perRow + labelledRows * perLabelled + work.prefixRows * perPrefixRow;
}

/** Bytes of the kernels' own scratch in training. */
function trainingKernels(model: PlannedModel, work: TrainingWork): number {
  if (model.backend !== "cuda")
    return trainingScratch(model.spec, model.threads, { ...work, targets: work.adapter.targets });
  return deviceScratch(model, {
    rows: work.rows,
    lossRows: work.labelledRows,
    sequences: work.examples,
    backward: true,
    rank: work.adapter.rank,
  });
}

/** Bytes of the kernels' own scratch when generating. */
function generationKernels(model: PlannedModel, work: GenerationWork): number {
  if (model.backend !== "cuda") return model.threads * workerBytes(model.spec);
  return deviceScratch(model, { ...forward(work.adapter), rows: work.rowsPerStep, lossRows: 0, sequences: 0 });
}

const forward = (adapter: PlannedAdapter | null) => ({ backward: false, rank: adapter?.rank ?? 0 });

/** Reals of the Decoder's buffers. */
function decoderReals(spec: ModelSpec, work: Pick<GenerationWork, "rowsPerStep" | "adapter">): number {
  const perRow =
    4 * spec.width + // stream, normed, branch, wanted_stream
    3 * queries(spec) + // query, attended, wanted_attended
    2 * keys(spec) +
    3 * spec.innerWidth + // gate, up, and the kernels' tiles
    spec.queryHeads +
    spec.ropes.length * spec.headSize +
    3 * (work.adapter?.rank ?? 0) + // query, key and value
    4;
  return work.rowsPerStep * perRow;
}

/** Elements of an adapter's matrices. */
function adapterReals(spec: ModelSpec, adapter: PlannedAdapter): number {
  const perLayer = adapter.targets.reduce(
    (sum, target) => sum + linearSizes(spec, target).reduce((a, b) => a + b, 0),
    0,
  );
  return spec.layers.length * adapter.rank * perLayer;
}

/** (out, in) of a target. */
function linearSizes(spec: ModelSpec, target: LoraTarget): readonly [number, number] {
  switch (target) {
    case "q_proj":
      return [queries(spec), spec.width];
    case "k_proj":
    case "v_proj":
      return [keys(spec), spec.width];
    case "o_proj":
      return [spec.width, queries(spec)];
    case "gate_proj":
    case "up_proj":
      return [spec.innerWidth, spec.width];
    case "down_proj":
      return [spec.width, spec.innerWidth];
  }
}
