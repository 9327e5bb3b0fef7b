// GGUF files written by hand for tests: right ones, and ones with a chosen fault.

export type GgufInput =
  | number
  | boolean
  | string
  | readonly string[]
  | { readonly float32: number }
  | { readonly int32s: readonly number[] }
  | { readonly float32s: readonly number[] };

export interface TensorInput {
  readonly name: string;
  /** Rows first, as everywhere but in the file. */
  readonly shape: readonly number[];
  /** GGUF's type number; 0 is F32. */
  readonly type?: number;
  /** Bytes from the start of the data; by default after the tensor before. */
  readonly offset?: number;
  readonly values?: readonly number[];
}

export interface GgufParts {
  readonly metadata: Readonly<Record<string, GgufInput>>;
  readonly tensors: readonly TensorInput[];
  readonly version?: number;
}

/** The file's bytes; data are F32 zeros unless values are given. */
export function ggufBytes({ metadata, tensors, version = 3 }: GgufParts): Buffer {
  const parts: Buffer[] = [
    Buffer.from("GGUF"),
    uint32(version),
    uint64(tensors.length),
    uint64(Object.keys(metadata).length),
  ];
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), ...encodeValue(value));
  let offset = 0;
  const data: Buffer[] = [];
  for (const tensor of tensors) {
    const values = Float32Array.from({ length: product(tensor.shape) }, (_, i) => tensor.values?.[i] ?? 0);
    const dimensions = [...tensor.shape].reverse();
    parts.push(
      text(tensor.name),
      uint32(dimensions.length),
      ...dimensions.map(uint64),
      uint32(tensor.type ?? 0),
      uint64(tensor.offset ?? offset),
    );
    data.push(padded(Buffer.from(values.buffer)));
    offset += data.at(-1)?.length ?? 0;
  }
  return Buffer.concat([padded(Buffer.concat(parts)), ...data]);
}

function encodeValue(value: GgufInput): Buffer[] {
  if (typeof value === "string") return [uint32(8), text(value)];
  if (typeof value === "boolean") return [uint32(7), Buffer.of(value ? 1 : 0)];
  if (typeof value === "number") return [uint32(4), uint32(value)];
  if ("float32" in value) return [uint32(6), float32(value.float32)];
  if ("int32s" in value) return [uint32(9), uint32(5), uint64(value.int32s.length), ...value.int32s.map(int32)];
  if ("float32s" in value) return [uint32(9), uint32(6), uint64(value.float32s.length), ...value.float32s.map(float32)];
  return [uint32(9), uint32(8), uint64(value.length), ...value.map(text)];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);
}

function text(value: string): Buffer {
  return Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, length) => total * length, 1);
}
