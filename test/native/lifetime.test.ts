// One call at a time on a model, and what dispose and the end of the process do to it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { batch, load, loadOptions, options, request } from "./tiny-engine.js";

describe("one call at a time", () => {
  it("answers busy to all others, and then goes on", async () => {
    using model = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
    using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
    const name = "model.layers.0.self_attn.q_proj.lora_A";
    const running = model.generate([request({ maxNewTokens: 50 })], options(), null);
    const busy = { code: "busy" };
    await expect(model.generate([request()], options(), null)).rejects.toMatchObject(busy);
    await expect(model.score([], { adapter: null, compute: "f32", rowsPerStep: 4 }, null)).rejects.toMatchObject(busy);
    await expect(model.logits(Int32Array.of(5), null)).rejects.toMatchObject(busy);
    await expect(trainer.accumulate(batch())).rejects.toMatchObject(busy);
    for (const call of [
      () => adapter.get(name),
      () => adapter.set(name, new Float32Array(64)),
      () => trainer.gradient(name),
      () => trainer.state(),
    ]) {
      expect(call).toThrow(expect.objectContaining(busy));
    }
    expect((await running)[0]?.finish).toBe("length");
    expect((await model.logits(Int32Array.of(5), null)).length).toBe(96);
  });
});

describe("dispose", () => {
  it("ends every use with code disposed, and may be called again", async () => {
    const model = await load();
    const adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
    const trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
    const disposed = { code: "disposed" };
    trainer.dispose();
    adapter.dispose();
    await expect(trainer.accumulate(batch())).rejects.toMatchObject(disposed);
    expect(() => trainer.state()).toThrow(expect.objectContaining(disposed));
    expect(() => adapter.rank).toThrow(expect.objectContaining(disposed));
    await expect(model.logits(Int32Array.of(5), adapter)).rejects.toMatchObject(disposed);
    model.dispose();
    model.dispose();
    await expect(model.logits(Int32Array.of(5), null)).rejects.toMatchObject(disposed);
    expect(() => model.memory).toThrow(expect.objectContaining(disposed));
    expect(() => model.cancel()).toThrow(expect.objectContaining(disposed));
  });

  it("lets a running call end: it is cancelled", async () => {
    const model = await load();
    const running = model.generate([request({ maxNewTokens: 200 })], options(), null);
    model.dispose();
    expect((await running)[0]?.finish).toBe("cancelled");
  });

  it("is not needed when the process exits in the middle of a call", () => {
    // The call would run for minutes: a hundred thousand sequences, one at a time.
    const addon = join(import.meta.dirname, "..", "..", "build", "Release", "sdft.node");
    const script = `
      import { createRequire } from "node:module";
      const { load, requests, options } = JSON.parse(process.argv[1], (_, value) => Array.isArray(value?.f64) ? Float64Array.from(value.f64) : Array.isArray(value?.i32) ? Int32Array.from(value.i32) : value);
      const model = await createRequire(import.meta.url)(${JSON.stringify(addon)}).loadModel(load);
      void model.generate(Array.from({ length: 100000 }, () => requests), options, () => process.exit(3));
    `;
    return loadOptions().then((load) => {
      const argument = JSON.stringify(
        { load, requests: request(), options: options({ maxSequences: 1 }) },
        (_, value) => {
          if (value instanceof Float64Array) return { f64: [...value] };
          return value instanceof Int32Array ? { i32: [...value] } : value;
        },
      );
      const result = spawnSync(process.execPath, ["--input-type=module", "-e", script, argument], {
        encoding: "utf8",
        timeout: 30_000,
      });
      expect(result.stderr).toBe("");
      expect(result.status).toBe(3);
    });
  });
});
