// The header of a GGUF file: metadata and the list of tensors, every tensor checked against the file's size.
// Own reader: @huggingface/gguf takes 0.4 s for a 49k vocabulary and reads a cut file as zeros without an error.

import { basename } from "node:path";
import { InputError } from "../base/error.js";
import { GgufCursor, type GgufValue } from "./gguf-cursor.js";
import { blockValues, ggufTensorType, ggufTypeName, type StoredType, tensorBytes } from "./tensor-type.js";

export interface GgufTensor {
  readonly name: string;
  readonly type: StoredType;
  /** Rows first: GGUF's own order of dimensions reversed. */
  readonly shape: readonly number[];
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufFile {
  readonly path: string;
  readonly size: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

const MAGIC = 0x46554747; // "GGUF", little endian
const MAX_ENTRIES = 1_000_000;

/** Reads and checks the header. Reads synchronously: a header is a few megabytes. */
export function readGguf(path: string): GgufFile {
  const cursor = GgufCursor.open(path);
  try {
    return readHeader(path, cursor);
  } finally {
    cursor.close();
  }
}

function readHeader(path: string, cursor: GgufCursor): GgufFile {
  cursor.what = "the magic number";
  if (cursor.size < 4 || cursor.uint32() !== MAGIC) {
    throw new InputError("gguf_magic", `${path} is not a GGUF file: it does not start with the letters GGUF.`);
  }
  cursor.what = "the version";
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) {
    const swapped = version !== 0 && (version & 0xffff) === 0;
    throw new InputError(
      "gguf_version",
      swapped
        ? `${path} is a big-endian GGUF file; only little-endian ones can be read.`
        : `${path} has GGUF version ${version}; versions 2 and 3 can be read.`,
    );
  }
  const tensorCount = readCount(path, cursor, "the number of tensors");
  const keyCount = readCount(path, cursor, "the number of metadata keys");
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    cursor.what = `metadata key ${i + 1} of ${keyCount}`;
    const key = cursor.string();
    cursor.what = `metadata ${key}`;
    metadata.set(key, cursor.value(cursor.uint32()));
  }
  const tensors: RawTensor[] = [];
  for (let i = 0; i < tensorCount; i++)
    tensors.push(readTensorInfo(path, cursor, `the description of tensor ${i + 1} of ${tensorCount}`));
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || !Number.isInteger(alignment) || alignment <= 0) {
    throw new InputError(
      "gguf_alignment",
      `${path}: expected a positive integer for general.alignment but found ${String(alignment)}.`,
    );
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { path, size: cursor.size, metadata, tensors: checkTensors(path, cursor.size, dataStart, tensors) };
}

interface RawTensor {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly relativeOffset: number;
}

function readCount(path: string, cursor: GgufCursor, what: string): number {
  cursor.what = what;
  const count = cursor.uint64();
  if (count > MAX_ENTRIES)
    throw new InputError("gguf_count", `${path}: ${what} is ${count}, more than a real file has; the file is damaged.`);
  return count;
}

function readTensorInfo(path: string, cursor: GgufCursor, what: string): RawTensor {
  cursor.what = what;
  const name = cursor.string();
  cursor.what = `the description of tensor ${name}`;
  const rank = cursor.uint32();
  if (rank < 1 || rank > 4)
    throw new InputError("gguf_rank", `${path}: tensor ${name} has ${rank} dimensions; 1 to 4 were expected.`);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) shape.unshift(cursor.uint64());
  const number = cursor.uint32();
  const relativeOffset = cursor.uint64();
  const type = ggufTensorType(number);
  if (type === null) {
    throw new InputError(
      "tensor_type",
      `${basename(path)}: tensor ${name} is stored as ${ggufTypeName(number)}, which can't be read; known are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K.`,
    );
  }
  return { name, type, shape, relativeOffset };
}

function checkTensors(path: string, size: number, dataStart: number, tensors: readonly RawTensor[]): GgufTensor[] {
  const names = new Set<string>();
  return tensors.map(({ name, type, shape, relativeOffset }) => {
    if (names.has(name)) throw new InputError("tensor_twice", `${path} lists tensor ${name} twice.`);
    names.add(name);
    const columns = shape.at(-1) ?? 0;
    if (columns % blockValues(type) !== 0) {
      throw new InputError(
        "tensor_shape",
        `${path}: tensor ${name} has rows of ${columns} values, not a multiple of ${blockValues(type)} as ${type} needs.`,
      );
    }
    const bytes = tensorBytes(type, shape);
    const offset = dataStart + relativeOffset;
    if (!Number.isSafeInteger(bytes) || offset + bytes > size) {
      throw new InputError(
        "file_cut",
        `${path}: tensor ${name} should lie at bytes ${offset}…${offset + bytes}, but the file has only ${size}; it is cut or damaged, fetch it again.`,
      );
    }
    return { name, type, shape, offset, bytes };
  });
}
