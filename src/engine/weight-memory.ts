// What frozen weights take while a backend holds them: the forms of native/kernels/cpu/packed_weight.h and native/kernels/reference/weight.h.
import { elementCount, tensorBytes } from "../formats/tensor-type.js";
import type { BackendName, TensorType, WeightEntry, WeightFormat } from "../native/types.js";

export interface WeightForm {
  readonly backend: BackendName;
  readonly weightFormat: WeightFormat;
}

export interface WeightMemory {
  /** Bytes of all weights as they are kept. */
  readonly packed: number;
  /** Bytes of the file that are in memory at once because rows of the embedding are read from it (Model::embed). */
  readonly embeddingRows: number;
}

export function weightMemory(weights: readonly WeightEntry[], form: WeightForm): WeightMemory {
  const embedding = weights.find(({ name }) => name === "model.embed_tokens.weight");
  // Where the head is another matrix, only rows are read of the embedding, and the cpu backend packs none of it.
  const untied = form.backend === "cpu" && weights.some(({ name }) => name === "lm_head.weight");
  const packed = weights.reduce(
    (sum, entry) => sum + (untied && entry === embedding ? 0 : packedBytes(entry, form)),
    0,
  );
  const read = form.backend === "cpu" && embedding !== undefined ? tensorBytes(embedding.type, embedding.shape) : 0;
  return { packed, embeddingRows: Math.min(read, 2 * pieceRows * mappedTogether) };
}

/** Rows are packed in panels of so many outputs, the last one padded (AVX-512: the widest). */
const panelColumns = 32;

/** Of one tensor as it is kept. */
export function packedBytes(entry: WeightEntry, { backend, weightFormat }: WeightForm): number {
  const [rows = 1, columns] = entry.shape;
  if (columns === undefined) return 4 * elementCount(entry.shape);
  const form = formOf(entry.type, weightFormat);
  // native/kernels/cuda/device_weight.cu: rows of whole 16 bytes, a float scale (and minimum) for each group.
  if (backend === "cuda") return rows * Math.ceil(columns / 8) * 8 * elementBytes(form);
  // Values as floats, and beside them the integers: a byte each, a scale and a minimum for 32 (or 16) of them.
  if (backend !== "cpu")
    return rows * columns * (4 + (hasIntegers(form) ? 1 + 8 / (form === "q8_halves" ? 16 : 32) : 0));
  const padded = Math.ceil(rows / panelColumns) * panelColumns;
  const scaleBytes = form === nativeForm(entry.type) && narrowTypes.includes(entry.type) ? 2 : 4;
  return padded * columns * elementBytes(form, scaleBytes);
}
/** Whether integer products can take a weight of this stored type. */
export function isIntegerForm(type: TensorType, weightFormat: WeightFormat): boolean {
  return hasIntegers(formOf(type, weightFormat));
}

/** How a weight of this stored type is kept by the cpu and cuda backends. */
export function formOf(type: TensorType, weightFormat: WeightFormat): PanelForm {
  return weightFormat === "native" ? nativeForm(type) : weightFormat;
}

/** The cpu backend's panel kinds, and the cuda backend's. */
type PanelForm = "f32" | "bf16" | "f16" | "q4" | "q8" | "q8_minimum" | "q8_halves";

/** Stored types whose scales and minima the cpu backend keeps in half precision, as they are stored. */
const narrowTypes: readonly TensorType[] = ["q4_0", "q4_1", "q5_0", "q8_0"];

function hasIntegers(form: PanelForm): boolean {
  return form !== "f32" && form !== "bf16" && form !== "f16";
}

/** The form that holds a stored type's values exactly. */
function nativeForm(type: TensorType): PanelForm {
  switch (type) {
    case "f32":
    case "bf16":
    case "f16":
      return type;
    case "q4_0":
    case "q4_1":
    case "q4_k":
      return "q4";
    case "q5_0":
    case "q8_0":
      return "q8";
    case "q5_1":
    case "q5_k":
      return "q8_minimum";
    case "q6_k":
      return "q8_halves";
  }
}

/** Scales and minima, floats unless said otherwise, are one for 32 values (q8_halves: a scale for 16). */
function elementBytes(form: PanelForm, scaleBytes = 4): number {
  switch (form) {
    case "f32":
      return 4;
    case "bf16":
    case "f16":
      return 2;
    case "q8":
      return (32 + scaleBytes) / 32;
    case "q8_minimum":
    case "q8_halves":
      return (32 + 2 * scaleBytes) / 32;
    case "q4":
      return (16 + 2 * scaleBytes) / 32;
  }
}

/** Pages of the table that a run's tokens touch: all of a small one, of a large one those of so many different tokens. */
const differentTokens = 8192;
const systemPage = 4096;

/** Rows after which the pages that they brought in are let go of, and the bytes that the system maps around each. */
const pieceRows = 64;
const mappedTogether = 16 * systemPage;

/** Of a table in the file, of which rows are read. */
export function touchedBytes(embedding: WeightEntry): number {
  const bytes = tensorBytes(embedding.type, embedding.shape);
  const [rows = 1] = embedding.shape;
  return Math.min(bytes, differentTokens * (bytes / rows + systemPage));
}

/** Of a worker: digits of the rows that it splits for itself, and a panel laid out for them, as scratch grows (native/kernels/cpu/digits/sharing.h, workspace.cc). */
export const digitBytes = 1.25 * (768 + 96) * 1024;
