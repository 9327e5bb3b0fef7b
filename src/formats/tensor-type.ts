// Storage types of tensors: how many values make a block, how many bytes a block takes, and their numbers in GGUF files.

interface Block {
  readonly values: number;
  readonly bytes: number;
}

const BLOCKS = {
  f32: { values: 1, bytes: 4 },
  bf16: { values: 1, bytes: 2 },
  f16: { values: 1, bytes: 2 },
  q4_0: { values: 32, bytes: 18 },
  q4_1: { values: 32, bytes: 20 },
  q5_0: { values: 32, bytes: 22 },
  q5_1: { values: 32, bytes: 24 },
  q8_0: { values: 32, bytes: 34 },
  q4_k: { values: 256, bytes: 144 },
  q5_k: { values: 256, bytes: 176 },
  q6_k: { values: 256, bytes: 210 },
} as const satisfies Record<string, Block>;

/** The types a model file may use; the engine's own list is the same. */
export type StoredType = keyof typeof BLOCKS;

/** Values in a block of this type. */
export function blockValues(type: StoredType): number {
  return BLOCKS[type].values;
}

/** Bytes of a tensor; its row length must be a multiple of the block. */
export function tensorBytes(type: StoredType, shape: readonly number[]): number {
  const block = BLOCKS[type];
  return (elementCount(shape) / block.values) * block.bytes;
}

/** Product of the dimensions. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** GGUF's type numbers (ggml.h, enum ggml_type). */
const GGUF_NAMES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** Name of a GGUF type number, for messages. */
export function ggufTypeName(number: number): string {
  return GGUF_NAMES[number] ?? `number ${number}`;
}

/** The engine's type for a GGUF type number, or null where the engine has none. */
export function ggufTensorType(number: number): StoredType | null {
  const name = (GGUF_NAMES[number] ?? "").toLowerCase();
  return isStoredType(name) ? name : null;
}

function isStoredType(name: string): name is StoredType {
  return Object.hasOwn(BLOCKS, name);
}
