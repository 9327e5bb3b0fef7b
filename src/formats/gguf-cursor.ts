// Walks through a GGUF header with a window over the file, so that a header of any size is read once and a cut one is noticed.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { InputError } from "../base/error.js";
import { readError } from "./open-file.js";

/** A metadata value; 64-bit integers come as numbers (beyond 2^53 they are refused). */
export type GgufValue = number | boolean | string | readonly GgufValue[];

const WINDOW = 4 << 20;

// Value type numbers of the GGUF specification.
const STRING = 8;
const ARRAY = 9;

export class GgufCursor {
  /** What is being read, for messages. */
  what = "the header";
  readonly size: number;
  private readonly path: string;
  private readonly file: number;
  private window: Buffer = Buffer.alloc(0);
  /** File position of the window's first byte. */
  private start = 0;
  /** Next byte, within the window. */
  private next = 0;

  static open(path: string): GgufCursor {
    let file: number;
    try {
      file = openSync(path, "r");
    } catch (error) {
      throw readError("model file", path, error);
    }
    try {
      if (fstatSync(file).isDirectory())
        throw readError("model file", path, Object.assign(new Error(), { code: "EISDIR" }));
      return new GgufCursor(path, file);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  private constructor(path: string, file: number) {
    this.path = path;
    this.file = file;
    this.size = fstatSync(file).size;
  }

  close(): void {
    closeSync(this.file);
  }

  /** Bytes from the file's start. */
  get position(): number {
    return this.start + this.next;
  }

  uint32(): number {
    return this.read(4).readUInt32LE();
  }

  uint64(): number {
    const bytes = this.read(8);
    return this.safe(bytes.readUInt32LE(0) + bytes.readUInt32LE(4) * 2 ** 32);
  }

  string(): string {
    return this.read(this.uint64()).toString("utf8");
  }

  /** A value of one of the specification's thirteen types. */
  value(type: number): GgufValue {
    switch (type) {
      case 0:
        return this.read(1).readUInt8();
      case 1:
        return this.read(1).readInt8();
      case 2:
        return this.read(2).readUInt16LE();
      case 3:
        return this.read(2).readInt16LE();
      case 4:
        return this.uint32();
      case 5:
        return this.read(4).readInt32LE();
      case 6:
        return this.read(4).readFloatLE();
      case 7:
        return this.read(1).readUInt8() !== 0;
      case STRING:
        return this.string();
      case ARRAY:
        return this.array();
      case 10:
        return this.uint64();
      case 11:
        return this.safe(Number(this.read(8).readBigInt64LE()));
      case 12:
        return this.read(8).readDoubleLE();
      default:
        throw new InputError(
          "gguf_value_type",
          `${this.path}: ${this.what} has the unknown value type ${type}; the file is damaged or newer than this reader.`,
        );
    }
  }

  private array(): GgufValue[] {
    const type = this.uint32();
    const length = this.uint64();
    // Each element takes at least one byte, so a length beyond the file is noticed before anything is allocated.
    if (length > this.size - this.position) throw this.cut(length);
    const values: GgufValue[] = [];
    if (type === STRING) for (let i = 0; i < length; i++) values.push(this.string());
    else for (let i = 0; i < length; i++) values.push(this.value(type));
    return values;
  }

  /** The next `count` bytes. */
  private read(count: number): Buffer {
    if (this.next + count > this.window.length) this.slide(count);
    this.next += count;
    return this.window.subarray(this.next - count, this.next);
  }

  private slide(count: number): void {
    const position = this.position;
    if (position + count > this.size) throw this.cut(count);
    const buffer = Buffer.allocUnsafe(Math.min(Math.max(count, WINDOW), this.size - position));
    for (let done = 0; done < buffer.length; ) {
      const read = readSync(this.file, buffer, done, buffer.length - done, position + done);
      if (read === 0) throw this.cut(count);
      done += read;
    }
    this.window = buffer;
    this.start = position;
    this.next = 0;
  }

  private safe(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    throw new InputError(
      "gguf_number",
      `${this.path}: ${this.what} holds the number ${value}, too large to be real; the file is damaged.`,
    );
  }

  private cut(count: number): InputError {
    return new InputError(
      "file_cut",
      `${this.path}: the file ends inside its header: ${this.what} needs ${count} bytes at ${this.position}, but the file has only ${this.size}; fetch it again.`,
    );
  }
}
