import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGguf } from "../../src/formats/gguf.js";
import { fixturesFolder } from "../shared-folder.js";
import { fileFolder } from "./file-folder.js";
import { ggufBytes } from "./gguf-bytes.js";

const folder = fileFolder();
const small = ggufBytes({
  metadata: {
    name: "tiny",
    count: 7,
    flag: true,
    list: ["a", "bé"],
    numbers: { int32s: [1, -2] },
    real: { float32: 0.5 },
  },
  tensors: [
    { name: "matrix", shape: [2, 3], values: [1, 2, 3, 4, 5, 6] },
    { name: "vector", shape: [4] },
  ],
});

describe("readGguf", () => {
  it("reads metadata of every kind and the places of the tensors, rows first", () => {
    const file = readGguf(folder.write("small.gguf", small));
    expect(Object.fromEntries(file.metadata)).toEqual({
      name: "tiny",
      count: 7,
      flag: true,
      list: ["a", "bé"],
      numbers: [1, -2],
      real: 0.5,
    });
    const [matrix, vector] = file.tensors;
    expect(matrix).toMatchObject({ name: "matrix", type: "f32", shape: [2, 3], bytes: 24 });
    expect(vector).toMatchObject({ shape: [4], offset: (matrix?.offset ?? 0) + 32, bytes: 16 });
    expect(small.readFloatLE((matrix?.offset ?? 0) + 20)).toBe(6);
  });

  it("knows every type the engine reads", () => {
    const { tensors } = readGguf(join(fixturesFolder, "gguf", "types.gguf"));
    expect(new Set(tensors.map(({ type }) => type))).toEqual(
      new Set(["f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k"]),
    );
  });

  it("says at every length of a cut file that it is cut, and where", () => {
    const dataEnd = small.length - 16; // the last tensor's padding may be missing
    for (let length = 4; length < dataEnd; length++) {
      const path = folder.write("cut.gguf", small.subarray(0, length));
      expect(() => readGguf(path), `${length} bytes`).toThrow(
        /cut\.gguf.*(ends inside its header|the file has only \d+)/,
      );
    }
    expect(readGguf(folder.write("unpadded.gguf", small.subarray(0, dataEnd))).tensors.length).toBe(2);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["empty", Buffer.alloc(0), /does not start with the letters GGUF/],
    ["other", Buffer.from("not a model at all"), /does not start with the letters GGUF/],
    ["version", ggufBytes({ metadata: {}, tensors: [], version: 1 }), /has GGUF version 1; versions 2 and 3/],
    [
      "type",
      ggufBytes({ metadata: {}, tensors: [{ name: "w", shape: [32], type: 20 }] }),
      /tensor w is stored as IQ4_NL, which can't be read/,
    ],
    [
      "number",
      ggufBytes({ metadata: {}, tensors: [{ name: "w", shape: [32], type: 99 }] }),
      /tensor w is stored as number 99/,
    ],
    [
      "offset",
      ggufBytes({ metadata: {}, tensors: [{ name: "w", shape: [8], offset: 4096 }] }),
      /tensor w should lie at bytes \d+…\d+, but the file has only/,
    ],
    [
      "block",
      ggufBytes({ metadata: {}, tensors: [{ name: "w", shape: [2, 40], type: 8 }] }),
      /rows of 40 values, not a multiple of 32/,
    ],
    [
      "twice",
      ggufBytes({
        metadata: {},
        tensors: [
          { name: "w", shape: [8] },
          { name: "w", shape: [8] },
        ],
      }),
      /lists tensor w twice/,
    ],
    [
      "alignment",
      ggufBytes({ metadata: { "general.alignment": 0 }, tensors: [] }),
      /positive integer for general\.alignment/,
    ],
  ])("refuses a file with a wrong %s", (name, bytes, message) => {
    const path = folder.write(`${name}.gguf`, bytes);
    expect(() => readGguf(path)).toThrow(message);
    expect(() => readGguf(path)).toThrow(expect.objectContaining({ exitStatus: 2 }));
  });

  it("does not believe a huge count", () => {
    const bytes = Buffer.from(readFileSync(folder.write("count.gguf", small)));
    bytes.writeBigUInt64LE(2n ** 40n, 8);
    expect(() => readGguf(folder.write("count.gguf", bytes))).toThrow(/number of tensors is 1099511627776/);
  });

  it("says that a file is missing or a folder", () => {
    expect(() => readGguf(join(folder.path, "none.gguf"))).toThrow(/there is no such file/);
    expect(() => readGguf(folder.path)).toThrow(/is a folder/);
  });
});
