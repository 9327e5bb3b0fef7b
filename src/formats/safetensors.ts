// The header of a safetensors file, checked strictly (8 bytes of header length, JSON, then the tensors' bytes without a gap),
// and its tensors as float32. Sharded models are put together by safetensors-index.ts.

import { InputError } from "../base/error.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half-floats.js";
import { fileSize, readRange, readRanges } from "./open-file.js";
import { elementCount } from "./tensor-type.js";

/** Every type the format knows; which of them an engine or adapter can use is for the caller to say. */
const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const;

export type SafetensorsType = keyof typeof ELEMENT_BYTES;

export interface SafetensorsTensor {
  readonly name: string;
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly SafetensorsTensor[];
}

export interface FloatTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

const MAX_HEADER_BYTES = 100_000_000; // the format's own limit

/** Reads and checks the header. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const size = await fileSize("safetensors file", path);
  if (size < 8) throw cutFile(path, `it has ${size} bytes, not even the 8 of its header's length`);
  const headerBytes = Number((await readRange("safetensors file", path, 0, 8)).readBigUInt64LE(0));
  if (headerBytes > MAX_HEADER_BYTES || headerBytes < 2) {
    throw new InputError(
      "safetensors_header",
      `${path} is not a safetensors file: its first 8 bytes name a header of ${headerBytes} bytes.`,
    );
  }
  if (8 + headerBytes > size)
    throw cutFile(path, `its header should end at byte ${8 + headerBytes}, the file has ${size}`);
  const text = (await readRange("safetensors file", path, 8, headerBytes)).toString("utf8");
  return parseHeader(path, text, 8 + headerBytes, size);
}

/** The named tensors (all without `names`) as float32; types other than F32, BF16, F16 and F64 are an error. */
export async function readFloatTensors(
  file: SafetensorsFile,
  names?: readonly string[],
): Promise<Map<string, FloatTensor>> {
  const byName = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const wanted = (names ?? [...byName.keys()]).map((name) => {
    const tensor = byName.get(name);
    if (tensor === undefined)
      throw new InputError("tensor_missing", `Expected a tensor ${name} in ${file.path}, but there is none.`);
    return tensor;
  });
  const parts = await readRanges(
    "safetensors file",
    file.path,
    wanted.map(({ offset, bytes }) => ({ offset, length: bytes })),
  );
  return new Map(
    wanted.map((tensor, i) => [
      tensor.name,
      { shape: tensor.shape, values: toFloats(file.path, tensor, parts[i] ?? Buffer.alloc(0)) },
    ]),
  );
}

/** The named tensor of integers (I32 or I64) as numbers; for token ids and labels. */
export async function readIntegerTensor(file: SafetensorsFile, name: string): Promise<Int32Array> {
  const tensor = file.tensors.find((candidate) => candidate.name === name);
  if (tensor === undefined)
    throw new InputError("tensor_missing", `Expected a tensor ${name} in ${file.path}, but there is none.`);
  const bytes = aligned(await readRange("safetensors file", file.path, tensor.offset, tensor.bytes));
  if (tensor.type === "I32") return new Int32Array(bytes);
  if (tensor.type === "I64") return Int32Array.from(new BigInt64Array(bytes), Number);
  throw new InputError("tensor_type", `Expected integers in tensor ${name} of ${file.path} but found ${tensor.type}.`);
}

function parseHeader(path: string, text: string, dataStart: number, size: number): SafetensorsFile {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      "safetensors_header",
      `${path} is not a safetensors file, or damaged: its header is not JSON (${error instanceof Error ? error.message : ""}).`,
    );
  }
  if (!isRecord(header)) throw new InputError("safetensors_header", `${path}: expected a JSON object as header.`);
  const metadata: Record<string, string> = {};
  const tensors: SafetensorsTensor[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (isRecord(entry)) for (const [key, value] of Object.entries(entry)) metadata[key] = String(value);
    } else tensors.push(parseTensor(path, name, entry, dataStart, size));
  }
  checkNoGaps(path, tensors, dataStart, size);
  return { path, metadata, tensors };
}

function parseTensor(path: string, name: string, entry: unknown, dataStart: number, size: number): SafetensorsTensor {
  const damaged = (what: string) =>
    new InputError("safetensors_header", `${path}: tensor ${name} has ${what} in the header; the file is damaged.`);
  if (!isRecord(entry)) throw damaged("no description");
  const { dtype, shape, data_offsets: range } = entry;
  if (typeof dtype !== "string" || !isType(dtype)) {
    throw new InputError("tensor_type", `${path}: tensor ${name} has the unknown type ${String(dtype)}.`);
  }
  if (!isSizes(shape)) throw damaged(`the shape ${JSON.stringify(shape)}`);
  if (!isSizes(range) || range.length !== 2) throw damaged(`the offsets ${JSON.stringify(range)}`);
  const [begin = 0, end = 0] = range;
  const bytes = elementCount(shape) * ELEMENT_BYTES[dtype];
  if (end - begin !== bytes) {
    throw damaged(`${end - begin} bytes (${begin}…${end}) where ${dtype} [${shape.join(", ")}] takes ${bytes}`);
  }
  if (dataStart + end > size) {
    throw cutFile(
      path,
      `tensor ${name} should lie at bytes ${dataStart + begin}…${dataStart + end}, the file has ${size}`,
    );
  }
  return { name, type: dtype, shape, offset: dataStart + begin, bytes };
}

function checkNoGaps(path: string, tensors: readonly SafetensorsTensor[], dataStart: number, size: number): void {
  let expected = dataStart;
  let previous = "the header";
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (tensor.offset !== expected) {
      const how = tensor.offset < expected ? "overlaps" : "leaves a gap after";
      throw new InputError(
        "safetensors_header",
        `${path}: tensor ${tensor.name} at byte ${tensor.offset} ${how} ${previous}, which ends at byte ${expected}; the file is damaged.`,
      );
    }
    expected = tensor.offset + tensor.bytes;
    previous = `tensor ${tensor.name}`;
  }
  if (expected !== size) {
    throw new InputError(
      "safetensors_header",
      `${path}: ${previous} ends at byte ${expected}, but the file has ${size} bytes; it is damaged.`,
    );
  }
}

function toFloats(path: string, tensor: SafetensorsTensor, buffer: Buffer): Float32Array {
  const bytes = aligned(buffer);
  switch (tensor.type) {
    case "F32":
      return new Float32Array(bytes);
    case "F64":
      return Float32Array.from(new Float64Array(bytes));
    case "BF16":
      return bfloat16ToFloat32(new Uint16Array(bytes));
    case "F16":
      return float16ToFloat32(new Uint16Array(bytes));
    default:
      throw new InputError(
        "tensor_type",
        `${path}: tensor ${tensor.name} is stored as ${tensor.type}; expected F32, BF16 or F16.`,
      );
  }
}

/** A copy that starts at byte 0 of its own memory, so that typed arrays may look at it. */
function aligned(buffer: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(buffer.length);
  new Uint8Array(copy).set(buffer);
  return copy;
}

function cutFile(path: string, detail: string): InputError {
  return new InputError("file_cut", `${path} is cut: ${detail}; fetch it again.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isType(name: string): name is SafetensorsType {
  return Object.hasOwn(ELEMENT_BYTES, name);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
