// The engine's divergence, row by row, against logits of the same model, taken in double precision here.
import { describe, expect, it } from "vitest";
import type { TextExample } from "../../../src/data/example.js";
import type { AdapterHandle, Engine } from "../../../src/engine/engine.js";
import { type DivergingModel, divergenceInputs, divergenceMetrics } from "../../../src/eval/shift/divergence.js";
import { stageRenderers } from "../../../src/experiment/stage-settings.js";
import { getPreset } from "../../../src/templates/presets.js";
import { initializeAdapter } from "../../../src/train/lora-init.js";
import { openTinyChat } from "../../tiny-chat.js";

const example = (id: string): TextExample => ({
  ...{ kind: "text", id, instruction: `Say ${id}.`, response: null, history: [], system: null, row: {} },
});

/** An adapter that changes something: B is not zero. */
function movedAdapter(engine: Engine): AdapterHandle {
  const adapter = engine.createAdapter({ rank: 2, alpha: 4, dropout: 0, targets: ["q_proj"], scaling: "standard" });
  initializeAdapter(adapter.native, 1);
  for (const { name, rows, columns } of adapter.native.tensors()) {
    if (name.endsWith("lora_B"))
      adapter.native.set(
        name,
        Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
      );
  }
  return adapter;
}

function logSoftmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const log = most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return values.map((value) => value - log);
}

/** What the engine's own divergence must give. */
function byLogits(engine: Engine): DivergingModel {
  const { vocabSize } = engine.spec;
  return {
    divergence: async (rows, { from, to }) => {
      const results = [];
      for (const { id, tokens, promptLength } of rows) {
        const before = await engine.logits(tokens, from);
        const after = await engine.logits(tokens, to);
        const kl = Array.from({ length: tokens.length - promptLength }, (_, i) => {
          const start = (promptLength + i - 1) * vocabSize;
          const p = logSoftmax(before.slice(start, start + vocabSize));
          const q = logSoftmax(after.slice(start, start + vocabSize));
          return p.reduce((sum, value, token) => sum + Math.exp(value) * (value - (q[token] ?? 0)), 0);
        });
        results.push({ id, kl });
      }
      return results;
    },
  };
}

describe("divergenceMetrics", () => {
  it("is the mean over each answer's tokens, and over rows", async () => {
    using session = await openTinyChat();
    const { engine } = session;
    const wish = { task: null, preset: getPreset("default"), template: null, distillTemplate: null };
    const { infer } = await stageRenderers(session.prompts, wish);
    const answers = [
      { id: "b", output: "one two", finish: "stop" as const },
      { id: "a", output: "three", finish: "length" as const },
      { id: "c", output: "", finish: "length" as const },
    ];
    const inputs = divergenceInputs([example("a"), example("b"), example("c")], answers, infer);
    expect(inputs.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(inputs[0]?.tokens.at(-1)).toBe(infer.endToken);
    expect(inputs[1]?.tokens.at(-1)).not.toBe(infer.endToken);
    const adapter = movedAdapter(engine);
    const { rows, metrics } = await divergenceMetrics(engine, inputs, { adapter });
    const [first, second] = rows;
    expect(first?.tokens).toBe((inputs[0]?.tokens.length ?? 0) - (inputs[0]?.promptLength ?? 0));
    expect(first?.kl).toBeGreaterThan(1e-6);
    const [direct] = await byLogits(engine).divergence(inputs, { from: null, to: adapter });
    const values = Array.from(direct?.kl ?? []);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs((first?.kl ?? 0) / mean - 1)).toBeLessThan(1e-4);
    expect(metrics).toMatchObject([
      { metric: "kl", n: 2, value: expect.closeTo(((first?.kl ?? 0) + (second?.kl ?? 0)) / 2, 12) },
    ]);
    // An adapter that changes nothing diverges nowhere.
    const idle = engine.createAdapter(adapter.settings);
    initializeAdapter(idle.native, 1);
    const none = await divergenceMetrics(engine, inputs, { adapter: idle });
    expect(none.rows.map(({ kl }) => kl)).toEqual([0, 0]);
    for (const handle of [adapter, idle]) handle.dispose();
  });

  it("names an answer without a prompt, and refuses none", async () => {
    using session = await openTinyChat();
    const wish = { task: null, preset: getPreset("default"), template: null, distillTemplate: null };
    const { infer } = await stageRenderers(session.prompts, wish);
    const stray = [{ id: "z", output: "one", finish: null }];
    expect(() => divergenceInputs([example("a")], stray, infer)).toThrow(/id "z".*no row of that id/);
    const adapter = movedAdapter(session.engine);
    await expect(divergenceMetrics(session.engine, [], { adapter })).rejects.toThrow(/at least one answer/);
    adapter.dispose();
  });
});
