import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readFloatTensors, readIntegerTensor, readSafetensors } from "../../src/formats/safetensors.js";
import { readSafetensorsFolder } from "../../src/formats/safetensors-index.js";
import { writeSafetensors } from "../../src/formats/safetensors-writer.js";
import { fixturesFolder } from "../shared-folder.js";
import { fileFolder } from "./file-folder.js";

const folder = fileFolder();

/** A file of this header, and so many bytes of data. */
function file(name: string, header: unknown, dataBytes: number): string {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return folder.write(name, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

const tensor = (begin: number, end: number, shape: number[], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("writeSafetensors", () => {
  it("is read back with names, shapes, values and metadata", async () => {
    const path = join(folder.path, "made", "adapter.safetensors");
    const tensors = [
      { name: "a", shape: [2, 2], values: Float32Array.of(1, -2, 3.5, Number.NaN) },
      { name: "b", shape: [0, 4], values: new Float32Array(0) },
      { name: "c", shape: [], values: Float32Array.of(7) },
    ];
    await writeSafetensors(path, tensors, { format: "pt" });
    const read = await readSafetensors(path);
    expect(read.metadata).toEqual({ format: "pt" });
    const values = await readFloatTensors(read);
    for (const { name, shape, values: expected } of tensors)
      expect(values.get(name)).toEqual({ shape, values: expected });
    expect(readFileSync(path).readBigUInt64LE(0) % 8n).toBe(0n);
  });

  it("refuses values that don't fill the shape, and leaves no file", async () => {
    const path = join(folder.path, "wrong.safetensors");
    await expect(writeSafetensors(path, [{ name: "a", shape: [3], values: new Float32Array(2) }])).rejects.toThrow(
      /has 2 values where \[3\] needs 3/,
    );
    expect(() => readFileSync(path)).toThrow();
  });
});

describe("readSafetensors", () => {
  it.each<[string, unknown, number, RegExp]>([
    [
      "cut",
      { a: tensor(0, 16, [4]) },
      12,
      /cut\.safetensors is cut: tensor a should lie at bytes \d+…\d+, the file has \d+/,
    ],
    [
      "overlap",
      { a: tensor(0, 16, [4]), b: tensor(8, 24, [4]) },
      24,
      /tensor b at byte \d+ overlaps tensor a, which ends at byte \d+/,
    ],
    ["gap", { a: tensor(0, 16, [4]), b: tensor(20, 36, [4]) }, 36, /tensor b at byte \d+ leaves a gap after tensor a/],
    ["surplus", { a: tensor(0, 16, [4]) }, 20, /tensor a ends at byte \d+, but the file has \d+ bytes/],
    ["size", { a: tensor(0, 12, [4]) }, 12, /tensor a has 12 bytes \(0…12\) where F32 \[4\] takes 16/],
    ["type", { a: tensor(0, 16, [4], "F4") }, 16, /tensor a has the unknown type F4/],
    ["shape", { a: { dtype: "F32", shape: [-1], data_offsets: [0, 4] } }, 4, /tensor a has the shape \[-1\]/],
    ["offsets", { a: { dtype: "F32", shape: [1], data_offsets: [4, 0] } }, 4, /tensor a has -4 bytes/],
    ["json", "{nonsense", 0, /its header is not JSON/],
  ])("refuses a file with a wrong %s", async (name, header, dataBytes, message) => {
    const reading = readSafetensors(file(`${name}.safetensors`, header, dataBytes));
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ exitStatus: 2 });
  });

  it("refuses a header that is longer than the file, or no header at all", async () => {
    const cut = readFileSync(file("whole.safetensors", { a: tensor(0, 16, [4]) }, 16)).subarray(0, 20);
    await expect(readSafetensors(folder.write("header.safetensors", cut))).rejects.toThrow(
      /its header should end at byte/,
    );
    await expect(readSafetensors(folder.write("short.safetensors", Buffer.alloc(3)))).rejects.toThrow(/it has 3 bytes/);
    await expect(readSafetensors(folder.write("text.safetensors", "a text, not tensors"))).rejects.toThrow(
      /is not a safetensors file/,
    );
    await expect(readSafetensors(join(folder.path, "none"))).rejects.toThrow(/there is no such file/);
  });

  it("reads 16-bit numbers exactly", async () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000);
    const brains = Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80, 0x8000);
    const path = file(
      "halves.safetensors",
      { h: tensor(0, 12, [6], "F16"), b: tensor(12, 24, [6], "BF16"), i: tensor(24, 40, [2], "I64") },
      0,
    );
    const integers = BigInt64Array.of(-100n, 49151n);
    folder.write(
      "halves.safetensors",
      Buffer.concat([readFileSync(path), ...[halves, brains, integers].map(({ buffer }) => Buffer.from(buffer))]),
    );
    const read = await readSafetensors(path);
    const values = await readFloatTensors(read, ["h", "b"]);
    expect([...(values.get("h")?.values ?? [])]).toEqual([1, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY, -0]);
    expect([...(values.get("b")?.values ?? [])]).toEqual([
      1,
      -2,
      2 ** -133,
      3.3895313892515355e38,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
    expect([...(await readIntegerTensor(read, "i"))]).toEqual([-100, 49151]);
    await expect(readFloatTensors(read, ["i"])).rejects.toThrow(/tensor i is stored as I64/);
    await expect(readFloatTensors(read, ["x"])).rejects.toThrow(/Expected a tensor x/);
  });
});

describe("readSafetensorsFolder", () => {
  it("reads shards through their index", async () => {
    const { files, tensors } = await readSafetensorsFolder(join(fixturesFolder, "tiny", "sharded"));
    expect(files.length).toBe(2);
    expect(new Set(tensors.map(({ file: shard }) => shard))).toEqual(new Set([0, 1]));
    expect(tensors.some(({ name }) => name === "lm_head.weight")).toBe(true);
  });

  it("says what an index promises and the shards don't hold", async () => {
    await writeSafetensors(join(folder.path, "shards", "one.safetensors"), [
      { name: "a", shape: [1], values: new Float32Array(1) },
    ]);
    const index = (map: unknown) =>
      folder.write("shards/model.safetensors.index.json", JSON.stringify({ weight_map: map }));
    index({ a: "one.safetensors", b: "one.safetensors" });
    await expect(readSafetensorsFolder(join(folder.path, "shards"))).rejects.toThrow(
      /places tensor b in one\.safetensors, but it is not there/,
    );
    index({ a: "../one.safetensors" });
    await expect(readSafetensorsFolder(join(folder.path, "shards"))).rejects.toThrow(
      /name of a file in the same folder/,
    );
    index({ a: "two.safetensors" });
    await expect(readSafetensorsFolder(join(folder.path, "shards"))).rejects.toThrow(
      /two\.safetensors, but there is no such file/,
    );
    await expect(readSafetensorsFolder(folder.path)).rejects.toThrow(/there is neither/);
  });
});
