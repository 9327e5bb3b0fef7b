// Scoring through the binding.
import { describe, expect, it } from "vitest";
import { load } from "./tiny-engine.js";

describe("score", () => {
  it("gives the log-softmax of the logits", async () => {
    using model = await load();
    const tokens = Int32Array.of(5, 6, 7, 8, 9);
    const done: number[] = [];
    const rows = [
      { tokens, from: 2 },
      { tokens: tokens.slice(0, 1), from: 1 },
      { tokens, from: 1 },
    ];
    const scores = await model.score(rows, { adapter: null, compute: "f32", rowsPerStep: 4 }, (count) =>
      done.push(count),
    );
    expect(scores.map(({ length }) => length)).toEqual([3, 0, 4]);
    expect(done.at(-1)).toBe(3);
    const logits = await model.logits(tokens, null);
    for (let t = 1; t < tokens.length; t++) {
      const row = logits.slice((t - 1) * 96, t * 96);
      const expected = (row[tokens[t] ?? 0] ?? 0) - Math.log([...row].reduce((sum, x) => sum + Math.exp(x), 0));
      expect(scores[2]?.[t - 1]).toBeCloseTo(expected, 5);
      if (t >= 2) expect(scores[0]?.[t - 2]).toBe(scores[2]?.[t - 1]);
    }
  });

  it("can be cancelled", async () => {
    using model = await load();
    const rows = Array.from({ length: 200 }, () => ({ tokens: Int32Array.of(5, 6, 7), from: 1 }));
    const scoring = model.score(rows, { adapter: null, compute: "f32", rowsPerStep: 2 }, () => model.cancel());
    await expect(scoring).rejects.toMatchObject({ code: "cancelled" });
  });

  it("takes one token more than the model's context, because the last is only predicted", async () => {
    using model = await load();
    const tokens = Int32Array.from({ length: 257 }, (_, i) => 3 + ((7 * i) % 90));
    const settings = { adapter: null, compute: "f32", rowsPerStep: 4 } as const;
    const [whole = []] = await model.score([{ tokens, from: 1 }], settings, null);
    const [shorter = []] = await model.score([{ tokens: tokens.slice(0, 256), from: 1 }], settings, null);
    expect(whole).toHaveLength(256);
    expect(whole[255]).toBeLessThan(0);
    expect([...whole].slice(0, 255)).toEqual([...shorter]);
  });

  it("refuses sequences that the model cannot take", async () => {
    using model = await load();
    const score = (tokens: Int32Array, from: number) =>
      model.score([{ tokens, from }], { adapter: null, compute: "f32", rowsPerStep: 4 }, null);
    await expect(score(new Int32Array(), 1)).rejects.toMatchObject({ code: "tokens" });
    await expect(score(Int32Array.of(5, 96), 1)).rejects.toMatchObject({ code: "tokens" });
    await expect(score(new Int32Array(258).fill(5), 1)).rejects.toMatchObject({ code: "context" });
    await expect(score(Int32Array.of(5, 6), 0)).rejects.toThrow(TypeError);
    await expect(model.logits(new Int32Array(257).fill(5), null)).rejects.toMatchObject({ code: "context" });
  });
});
