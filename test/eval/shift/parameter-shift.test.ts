import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeJson } from "../../../src/base/write-file.js";
import { toPeftConfig } from "../../../src/engine/adapter-settings.js";
import { parameterShift, parameterShiftMetric, squaredNorm } from "../../../src/eval/shift/parameter-shift.js";
import { writeSafetensors } from "../../../src/formats/safetensors-writer.js";
import { temporaryFolder } from "../../temporary-folder.js";

const folder = temporaryFolder();

/** Numbers in ±1 that differ from place to place. */
function noise(length: number, start: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + start * 78.233));
}

interface Matrix {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

const matrix = (rank: number, inputs: number, outputs: number, start: number): Matrix => ({
  ...{ a: noise(rank * inputs, start), b: noise(outputs * rank, start + 0.5) },
  ...{ inputs, outputs },
});

/** ‖BA‖ of the whole dense product in double precision. */
function denseNorm({ a, b, inputs, outputs }: Matrix): number {
  const rank = a.length / inputs;
  let sum = 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      let entry = 0;
      for (let r = 0; r < rank; r++) entry += (b[o * rank + r] ?? 0) * (a[r * inputs + i] ?? 0);
      sum += entry * entry;
    }
  }
  return Math.sqrt(sum);
}

async function write(
  name: string,
  matrices: ReadonlyMap<string, Matrix>,
  settings: { rank: number; alpha: number; scaling: "standard" | "rank-stabilised" },
): Promise<string> {
  const path = join(folder, name);
  const tensors = [...matrices].flatMap(([layer, { a, b, inputs, outputs }]) => [
    { name: `base_model.model.${layer}.lora_A.weight`, shape: [settings.rank, inputs], values: a },
    { name: `base_model.model.${layer}.lora_B.weight`, shape: [outputs, settings.rank], values: b },
  ]);
  await writeSafetensors(join(path, "adapter_model.safetensors"), tensors, { format: "pt" });
  const targets = ["q_proj", "v_proj"] as const;
  await writeJson(join(path, "adapter_config.json"), toPeftConfig({ ...settings, dropout: 0, targets }, "base"));
  return path;
}

const tensor = (shape: readonly number[], values: Float32Array) => ({ shape, values });

describe("parameterShift", () => {
  it.each([1, 2, 8, 64])("equals the dense norm, rank %i, matrix by matrix", async (rank) => {
    const matrices = new Map([
      ["model.layers.0.self_attn.q_proj", matrix(rank, 96, 80, 1)],
      ["model.layers.0.self_attn.v_proj", matrix(rank, 96, 32, 2)],
      ["model.layers.1.self_attn.q_proj", matrix(rank, 96, 80, 3)],
    ]);
    const path = await write(`rank-${rank}`, matrices, { rank, alpha: 16, scaling: "standard" });
    const shift = await parameterShift(path);
    let square = 0;
    for (const [name, one] of matrices) {
      const dense = (16 / rank) * denseNorm(one);
      square += dense * dense;
      const found = shift.matrices.find((other) => other.name === name);
      expect(Math.abs((found?.value ?? 0) / dense - 1)).toBeLessThan(1e-12);
    }
    expect(Math.abs(shift.value / Math.sqrt(square) - 1)).toBeLessThan(1e-12);
    expect(shift.matrices.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(parameterShiftMetric(shift)).toEqual({
      ...{ metric: "parameter_shift", value: shift.value, n: 3, low: shift.value, high: shift.value },
    });
  });

  it("scales by alpha/√r where the adapter is rank-stabilised", async () => {
    const one = matrix(4, 20, 30, 5);
    const path = await write("rs", new Map([["model.layers.0.self_attn.q_proj", one]]), {
      ...{ rank: 4, alpha: 6, scaling: "rank-stabilised" },
    });
    expect((await parameterShift(path)).value).toBeCloseTo(3 * denseNorm(one), 9);
  });

  it("is 0 for a fresh adapter, whose B is zero", async () => {
    const one = { ...matrix(4, 20, 30, 5), b: new Float32Array(120) };
    const path = await write("zero", new Map([["model.layers.0.self_attn.q_proj", one]]), {
      ...{ rank: 4, alpha: 8, scaling: "standard" },
    });
    expect(await parameterShift(path)).toEqual({
      value: 0,
      matrices: [{ name: "model.layers.0.self_attn.q_proj", value: 0, share: 0 }],
    });
  });

  it("refuses an adapter whose halves don't fit", async () => {
    const path = await write("half", new Map([["model.layers.0.self_attn.q_proj", matrix(4, 20, 30, 5)]]), {
      ...{ rank: 4, alpha: 8, scaling: "standard" },
    });
    const name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    await writeSafetensors(join(path, "adapter_model.safetensors"), [{ name, shape: [4, 20], values: noise(80, 1) }], {
      format: "pt",
    });
    await expect(parameterShift(path)).rejects.toThrow(/lora_B of shape \[out, r\].*found none/);
    writeFileSync(join(path, "adapter_config.json"), "{}");
    await expect(parameterShift(path)).rejects.toMatchObject({ code: "adapter_config" });
  });
});

describe("squaredNorm where the terms cancel", () => {
  it("keeps the digits that the Gram matrices lose", () => {
    // Two rows of A that differ in a few last places, and columns of B that are each other's negative.
    const inputs = 50;
    const outputs = 40;
    const first = noise(inputs, 1);
    const second = first.map((value, i) => Math.fround(value * (1 + 2 ** -22 * (i % 3))));
    const a = Float32Array.from([...first, ...second]);
    const b = Float32Array.from({ length: outputs * 2 }, (_, i) => (i % 2 === 0 ? 1 : -1) * Math.cos(i >> 1));
    const dense = denseNorm({ a, b, inputs, outputs });
    expect(dense).toBeGreaterThan(0);
    const value = Math.sqrt(squaredNorm(tensor([2, inputs], a), tensor([outputs, 2], b)));
    expect(Math.abs(value / dense - 1)).toBeLessThan(1e-12);
  });
});
