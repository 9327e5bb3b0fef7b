// How much memory an encoder will take, from sizes alone. The formulas follow the buffers of native/model/encoder.cc, native/sampling/embedder.cc and the
// kernels' workspaces; a change there belongs here too.
import type { EncoderPackage } from "../models/encoder-package.js";
import type { MemoryPlan } from "./memory-plan.js";
import { digitBytes, packedBytes, touchedBytes, type WeightForm } from "./weight-memory.js";

export interface PlannedEncoder extends WeightForm {
  readonly model: Pick<EncoderPackage, "spec" | "weights" | "maxTokens">;
  readonly threads: number;
  /** Tokens of a step, and texts that they make up: many short ones take more room in pages of keys and values. */
  readonly rows: number;
  readonly texts: number;
  /** Bytes of the process without the encoder: Node, its code, the tokenizer, an engine that is loaded already. */
  readonly processBytes: number;
}

/** While texts are embedded, with steps that are full and a vocabulary that is used. */
export function planEmbedding(planned: PlannedEncoder): MemoryPlan {
  const { model, backend } = planned;
  const { width, innerWidth } = model.spec;
  const real = backend === "reference-double" ? 8 : 4;
  const rows = Math.max(planned.rows, model.maxTokens);
  const isTable = (name: string): boolean => name.endsWith("_embeddings.weight");
  // The cpu backend reads rows of the tables from the file.
  const packed = model.weights.filter(({ name }) => backend !== "cpu" || !isTable(name));
  const read = backend === "cpu" ? model.weights.filter(({ name }) => isTable(name)) : [];
  const sum = (bytes: readonly number[]): number => bytes.reduce((total, one) => total + one, 0);
  const buffers = rows * (6 * width + innerWidth + 1);
  const pages = 2 * (rows + planned.texts * (pageRows / 2)) * width;
  const tiles = rows * Math.max(width, innerWidth);
  const attending = 4 * (unpackedPanel + queryBlock * (2 * (width / model.spec.heads) + 4 * pageRows + 2));
  const worker = Math.max(attending, digitBytes);
  const states = 8 * rows * width;
  const parts = [
    { name: "Node, tokenizer and what is loaded", bytes: planned.processBytes, remedy: null },
    { name: "encoder weights", bytes: sum(packed.map((entry) => packedBytes(entry, planned))), remedy: null },
    { name: "encoder rows of the file", bytes: sum(read.map(touchedBytes)), remedy: null },
    {
      name: "embedding scratch",
      bytes: real * buffers + (backend === "cpu" ? 4 * (pages + tiles) + planned.threads * worker : 0) + states,
      remedy: null,
    },
  ];
  return { purpose: "embedding", parts, peak: sum(parts.map(({ bytes }) => bytes)) };
}

/** native/kernels/tensor.h, attention_plan.h; floats of inputs unpacked at once (linear.cc, AVX-512). */
const pageRows = 32;
const queryBlock = 56;
const unpackedPanel = 1024 * 32;
