// Writes float32 tensors as a safetensors file: 8 bytes of header length, JSON padded to 8 bytes, then the values in the order given.

import { SdftError } from "../base/error.js";
import { writeWholeFile } from "../base/write-file.js";
import { elementCount } from "./tensor-type.js";

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Whole or not at all; the same tensors and metadata give the same bytes. */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let end = 0;
  for (const { name, shape, values } of tensors) {
    if (values.length !== elementCount(shape)) {
      throw new SdftError(
        "tensor_shape",
        `Tensor ${name} for ${path} has ${values.length} values where [${shape.join(", ")}] needs ${elementCount(shape)}.`,
      );
    }
    if (Object.hasOwn(header, name)) throw new SdftError("tensor_twice", `Tensor ${name} was given twice for ${path}.`);
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  await writeWholeFile(path, [encodeHeader(header), ...tensors.map(({ values }) => bytesOf(values))]);
}

/** The eight bytes of length and the padded JSON that open a file. */
export function encodeHeader(header: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8), 0);
  json.copy(bytes, 8);
  return bytes;
}

/** The same memory; every machine we run on is little-endian, as the format is. */
function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
