import { describe, expect, it } from "vitest";
import { initialMatrix } from "../../src/train/lora-init.js";

const name = "model.layers.0.self_attn.q_proj.lora_A";

describe("initialMatrix", () => {
  it("is uniform in ±1/√in for A, as peft's kaiming_uniform with a = √5", () => {
    const columns = 256;
    const values = initialMatrix({ name, rows: 64, columns }, 1);
    const bound = 1 / Math.sqrt(columns);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.abs(mean)).toBeLessThan(bound / 50);
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
  });

  it("is zero for B", () => {
    expect([...initialMatrix({ name: name.replace("_A", "_B"), rows: 3, columns: 2 }, 1)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("depends on seed and name alone", () => {
    const tensor = { name, rows: 4, columns: 8 };
    expect(initialMatrix(tensor, 1)).toEqual(initialMatrix(tensor, 1));
    expect(initialMatrix(tensor, 2)).not.toEqual(initialMatrix(tensor, 1));
    expect(initialMatrix({ ...tensor, name: name.replace("q_proj", "v_proj") }, 1)).not.toEqual(
      initialMatrix(tensor, 1),
    );
  });
});
