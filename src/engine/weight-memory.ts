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
  /** Bytes of the file that stay in memory because rows of the embedding are read from it. */
  readonly embeddingRows: number;
}

export function weightMemory(weights: readonly WeightEntry[], form: WeightForm): WeightMemory {
  const packed = weights.reduce((sum, entry) => sum + packedBytes(entry, form), 0);
  const embedding = weights.find(({ name }) => name === "model.embed_tokens.weight");
  const mapped = form.backend === "cpu" && embedding !== undefined ? touchedBytes(embedding) : 0;
  return { packed, embeddingRows: mapped };
}

/** Rows are packed in panels of so many outputs, the last one padded (AVX-512: the widest). */
const panelColumns = 32;

function packedBytes(entry: WeightEntry, { backend, weightFormat }: WeightForm): number {
  const [rows = 1, columns] = entry.shape;
  if (columns === undefined) return 4 * elementCount(entry.shape);
  if (backend !== "cpu") return 4 * rows * columns;
  const padded = Math.ceil(rows / panelColumns) * panelColumns;
  return padded * columns * elementBytes(weightFormat === "native" ? nativeFormat(entry.type) : weightFormat);
}

/** The form that holds a stored type's values exactly. */
function nativeFormat(type: TensorType): Exclude<WeightFormat, "native"> {
  switch (type) {
    case "bf16":
      return "bf16";
    case "q4_0":
    case "q4_1":
      return "q4";
    case "q8_0":
      return "q8";
    default:
      return "f32";
  }
}

/** Scales and minima are floats, one for 32 values. */
function elementBytes(format: Exclude<WeightFormat, "native">): number {
  switch (format) {
    case "f32":
      return 4;
    case "bf16":
      return 2;
    case "q8":
      return (32 + 4) / 32;
    case "q4":
      return (16 + 4 + 4) / 32;
  }
}

/** Pages of the table that a run's tokens touch: all of a small one, of a large one those of so many different tokens. */
const differentTokens = 8192;
const systemPage = 4096;

function touchedBytes(embedding: WeightEntry): number {
  const bytes = tensorBytes(embedding.type, embedding.shape);
  const [rows = 1] = embedding.shape;
  return Math.min(bytes, differentTokens * (bytes / rows + systemPage));
}
