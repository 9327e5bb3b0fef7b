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
/** Bytes of every other type. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

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
    const at = this.take(4);
    return this.window.readUInt32LE(at);
  }

  uint64(): number {
    const at = this.take(8);
    const high = this.window.readUInt32LE(at + 4);
    const value = this.window.readUInt32LE(at) + high * 2 ** 32;
    return high === 0 ? value : this.safe(value);
  }

  string(): string {
    const length = this.uint64();
    const at = this.take(length);
    return this.window.toString("utf8", at, at + length);
  }

  /** A value of one of the specification's thirteen types. */
  value(type: number): GgufValue {
    if (type === STRING) return this.string();
    if (type === ARRAY) return this.array();
    const bytes = SCALAR_BYTES[type];
    if (bytes === undefined) {
      throw new InputError(
        "gguf_value_type",
        `${this.path}: ${this.what} has the unknown value type ${type}; the file is damaged or newer than this reader.`,
      );
    }
    const at = this.take(bytes);
    return this.scalar(type, at);
  }

  private scalar(type: number, at: number): GgufValue {
    const { window } = this;
    switch (type) {
      case 0:
        return window.readUInt8(at);
      case 1:
        return window.readInt8(at);
      case 2:
        return window.readUInt16LE(at);
      case 3:
        return window.readInt16LE(at);
      case 4:
        return window.readUInt32LE(at);
      case 5:
        return window.readInt32LE(at);
      case 6:
        return window.readFloatLE(at);
      case 7:
        return window.readUInt8(at) !== 0;
      case 10:
        return this.safe(Number(window.readBigUInt64LE(at)));
      case 11:
        return this.safe(Number(window.readBigInt64LE(at)));
      default:
        return window.readDoubleLE(at);
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

  /** Steps over `count` bytes and makes sure they are in the window; returns where they start in it. */
  private take(count: number): number {
    if (this.next + count > this.window.length) this.slide(count);
    const at = this.next;
    this.next = at + count;
    return at;
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
