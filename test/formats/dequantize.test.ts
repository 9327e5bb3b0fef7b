import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dequantize } from "../../src/formats/dequantize.js";
import { readGguf } from "../../src/formats/gguf.js";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../src/formats/half-floats.js";
import { readRange } from "../../src/formats/open-file.js";
import { readFloatTensors, readSafetensors } from "../../src/formats/safetensors.js";
import { expectSameBits } from "../parity/compare.js";
import { fixturesFolder } from "../shared-folder.js";

const folder = join(fixturesFolder, "gguf");
const file = readGguf(join(folder, "types.gguf"));

describe("dequantize", () => {
  it.each(file.tensors.map(({ name }) => name))("gives gguf's own values of %s, to the bit", async (name) => {
    const tensor = file.tensors.find((one) => one.name === name);
    const expected = await readFloatTensors(await readSafetensors(join(folder, "types.safetensors")), [name]);
    if (tensor === undefined) throw new Error("no tensor");
    const bytes = await readRange("model file", file.path, tensor.offset, tensor.bytes);
    expectSameBits(dequantize(tensor.type, bytes), expected.get(name)?.values ?? new Float32Array(), name);
  });
});

describe("float32ToBfloat16", () => {
  it("rounds to the nearest, to even on a tie, and keeps what fits", () => {
    const round = (value: number): number => bfloat16ToFloat32(float32ToBfloat16(Float32Array.of(value)))[0] ?? 0;
    const step = 2 ** -7; // between 1 and 2
    expect(round(1 + 0.49 * step)).toBe(1);
    expect(round(1 + 0.51 * step)).toBe(1 + step);
    expect(round(1 + 0.5 * step)).toBe(1);
    expect(round(1 + 1.5 * step)).toBe(1 + 2 * step);
    expect([round(-0), round(Number.NEGATIVE_INFINITY), round(Number.NaN)]).toEqual([
      -0,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
    expect(round(3.4028234663852886e38)).toBe(Number.POSITIVE_INFINITY);
  });
});
