// Writes a model folder of safetensors, tensor by tensor as they are made, so that memory holds one of them at a time: one model.safetensors,
// or shards with their index where it would be larger than a shard may be.

import { join } from "node:path";
import { writeJson, writeWholeFile } from "../base/write-file.js";
import { float32ToBfloat16 } from "./half-floats.js";
import { encodeHeader } from "./safetensors-writer.js";
import { elementCount } from "./tensor-type.js";

export type WrittenType = "f32" | "bf16";

export interface TensorPlan {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface FolderWork {
  readonly folder: string;
  readonly type: WrittenType;
  readonly tensors: readonly TensorPlan[];
  /** Most bytes of tensors in a file; a larger tensor has one of its own. */
  readonly shardBytes: number;
  /** A tensor's values; asked once for each, in their order. */
  readonly valuesOf: (name: string) => Promise<Float32Array>;
}

/** The names of the files written, the index among them. */
export async function writeSafetensorsFolder(work: FolderWork): Promise<string[]> {
  const shards = splitShards(work);
  const names = shards.map((_, index) => shardName(index, shards.length));
  for (const [index, shard] of shards.entries()) {
    await writeWholeFile(join(work.folder, names[index] ?? ""), pieces(shard, work));
  }
  if (shards.length === 1) return names;
  const weightMap = Object.fromEntries(
    shards.flatMap((shard, index) => shard.map(({ name }) => [name, names[index] ?? ""])),
  );
  const totalSize = work.tensors.reduce((sum, tensor) => sum + bytesOf(tensor, work.type), 0);
  const index = "model.safetensors.index.json";
  await writeJson(join(work.folder, index), { metadata: { total_size: totalSize }, weight_map: weightMap });
  return [...names, index];
}

/** `model-00001-of-00003.safetensors`, as transformers names them. */
function shardName(index: number, count: number): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return count === 1 ? "model.safetensors" : `model-${digits(index + 1)}-of-${digits(count)}.safetensors`;
}

function splitShards({ tensors, type, shardBytes }: FolderWork): TensorPlan[][] {
  const shards: TensorPlan[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor, type);
    if (filled > 0 && filled + bytes > shardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)?.push(tensor);
    filled += bytes;
  }
  return shards;
}

async function* pieces(tensors: readonly TensorPlan[], { type, valuesOf }: FolderWork): AsyncGenerator<Uint8Array> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const tensor of tensors) {
    const start = end;
    end += bytesOf(tensor, type);
    header[tensor.name] = { dtype: type.toUpperCase(), shape: tensor.shape, data_offsets: [start, end] };
  }
  yield encodeHeader(header);
  for (const { name } of tensors) {
    const values = await valuesOf(name);
    const stored = type === "f32" ? values : float32ToBfloat16(values);
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

function bytesOf({ shape }: TensorPlan, type: WrittenType): number {
  return elementCount(shape) * (type === "f32" ? 4 : 2);
}
