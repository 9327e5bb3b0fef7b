// SHA-256 of a file, read in pieces.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** 64 hexadecimal digits. */
export async function fileSha256(path: string, onProgress?: (doneBytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes: Buffer = chunk;
    hash.update(bytes);
    done += bytes.length;
    onProgress?.(done);
  }
  return hash.digest("hex");
}
