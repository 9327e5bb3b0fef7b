// One member out of a zip archive (a Python wheel), streamed to a file. Stored and deflated members, archives and members below 4 GiB.

import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";
import { InputError } from "../base/error.js";
import { fileSize, readRange } from "./open-file.js";

export interface ZipMember {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Where the member's local header starts. */
  readonly headerOffset: number;
}

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;

/** The members, by the archive's central directory. */
export async function listZip(path: string): Promise<ZipMember[]> {
  const size = await fileSize("archive", path);
  const tailBytes = Math.min(size, END_BYTES + MAX_COMMENT);
  const tail = await readRange("archive", path, size - tailBytes, tailBytes);
  let end = tail.length - END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end--;
  if (end < 0) throw damaged(path, "it has no end record; it is cut or no zip archive");
  const directoryBytes = tail.readUInt32LE(end + 12);
  const directoryOffset = tail.readUInt32LE(end + 16);
  if (directoryOffset + directoryBytes > size) throw damaged(path, "its directory lies beyond its end");
  return parseDirectory(path, await readRange("archive", path, directoryOffset, directoryBytes));
}

/** Writes the one member whose name matches to `target` and returns its size. */
export async function extractZipMember(path: string, name: RegExp, target: string): Promise<number> {
  const matches = (await listZip(path)).filter((member) => name.test(member.name));
  const [member] = matches;
  if (member === undefined || matches.length > 1)
    throw damaged(path, `it has ${matches.length} members like ${name.source} where one is expected`);
  if (member.method !== 0 && member.method !== 8)
    throw damaged(path, `${member.name} is packed by method ${member.method}, which is unknown`);
  const local = await readRange("archive", path, member.headerOffset, 30);
  const start = member.headerOffset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  const packed = createReadStream(path, { start, end: start + member.compressedBytes - 1 });
  const output = createWriteStream(target);
  if (member.method === 0) await pipeline(packed, output);
  else await pipeline(packed, createInflateRaw(), output);
  if (output.bytesWritten !== member.bytes)
    throw damaged(path, `${member.name} has ${output.bytesWritten} bytes where ${member.bytes} are expected`);
  return member.bytes;
}

function parseDirectory(path: string, directory: Buffer): ZipMember[] {
  const members: ZipMember[] = [];
  for (let at = 0; at + 46 <= directory.length; ) {
    if (directory.readUInt32LE(at) !== ENTRY_SIGNATURE) throw damaged(path, "its directory is broken");
    const nameBytes = directory.readUInt16LE(at + 28);
    members.push({
      name: directory.toString("utf8", at + 46, at + 46 + nameBytes),
      method: directory.readUInt16LE(at + 10),
      compressedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return members;
}

function damaged(path: string, reason: string): InputError {
  return new InputError("zip", `The archive ${path} can't be used: ${reason}.`);
}
