// Adapters and trainers through the binding.
import { describe, expect, it } from "vitest";
import type { TrainBatch } from "../../src/native/types.js";
import { batch, load, wrong } from "./tiny-engine.js";

describe("adapters", () => {
  it("hold what was set, and name their tensors", async () => {
    using model = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 0.5, targets: ["q_proj", "down_proj"] });
    expect([adapter.rank, adapter.scale]).toEqual([2, 0.5]);
    expect(adapter.tensors().length).toBe(2 * 2 * 2);
    expect(adapter.tensors()[0]).toEqual({ name: "model.layers.0.self_attn.q_proj.lora_A", rows: 2, columns: 32 });
    const values = Float32Array.from({ length: 64 }, (_, i) => i / 7);
    adapter.set("model.layers.0.self_attn.q_proj.lora_A", values);
    expect(adapter.get("model.layers.0.self_attn.q_proj.lora_A")).toEqual(values);
    expect(() => adapter.set("model.layers.0.self_attn.q_proj.lora_A", values.slice(1))).toThrow(/2 × 32 values/);
    expect(() => adapter.get("model.layers.0.self_attn.v_proj.lora_A")).toThrow(/v_proj/);
    expect(() => adapter.set("model.layers.0.self_attn.q_proj.lora_A", wrong([1]))).toThrow(TypeError);
    expect(() => model.createAdapter({ rank: 0, scale: 1, targets: ["q_proj"] })).toThrow(TypeError);
    expect(() => model.createAdapter({ rank: 1, scale: 1, targets: [wrong("head")] })).toThrow(/head/);
  });

  it("belong to one model, and outlive its dispose", async () => {
    const model = await load();
    using other = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
    await expect(other.logits(Int32Array.of(5), adapter)).rejects.toMatchObject({ code: "adapter" });
    expect(() => other.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 })).toThrow(/another/);
    model.dispose();
    expect(adapter.get("model.layers.0.self_attn.q_proj.lora_A").length).toBe(64);
  });
});

describe("trainers", () => {
  it("take a step, and take it again from their state", async () => {
    using model = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj", "v_proj"] });
    const name = "model.layers.1.self_attn.v_proj.lora_A";
    for (const { name: tensor, rows, columns } of adapter.tensors())
      adapter.set(tensor, new Float32Array(rows * columns).fill(0.01));
    const update = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
    using trainer = model.createTrainer({ adapter, dropout: 0.5, seed: 3, storedRows: 4096 });
    await trainer.accumulate(batch());
    expect((await trainer.update(update)).gradNorm).toBeGreaterThan(0);
    const state = trainer.state();
    const before = adapter.tensors().map((tensor) => [tensor.name, adapter.get(tensor.name)] as const);
    expect(state.step).toBe(1);
    expect(trainer.gradient(name).every((value) => value === 0)).toBe(true);
    const { loss } = await trainer.accumulate(batch());
    await trainer.update(update);
    const after = adapter.get(name);

    for (const [tensor, values] of before) adapter.set(tensor, values);
    using resumed = model.createTrainer({ adapter, dropout: 0.5, seed: 3, storedRows: 4096 });
    resumed.setState(state);
    expect((await resumed.accumulate(batch())).loss).toBe(loss);
    await resumed.update(update);
    expect(adapter.get(name)).toEqual(after);
    expect(() => resumed.setState({ ...state, firstMoments: {} })).toThrow(/firstMoments/);
  });

  it("give the same bits whatever the largest batch to come was said to be", async () => {
    using model = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj", "down_proj"] });
    for (const { name, rows, columns } of adapter.tensors())
      adapter.set(name, new Float32Array(rows * columns).fill(0.01));
    const bits = async (
      storedRows: number,
      largestBatch?: { rows: number; labelledRows: number; prefixRows: number },
    ) => {
      using trainer = model.createTrainer({
        adapter,
        dropout: 0.5,
        seed: 3,
        storedRows,
        ...(largestBatch && { largestBatch }),
      });
      // A smaller batch first, so that buffers are used by fewer rows than they have.
      const small = batch({ tokens: Int32Array.of(5, 6), targets: Int32Array.of(6, -1), ids: ["a"] });
      const first = { ...small, starts: Int32Array.of(0, 2), parents: Int32Array.of(-1) };
      const losses = [
        await trainer.accumulate(first),
        await trainer.accumulate(batch()),
        await trainer.accumulate(first),
      ];
      // Laid out anew for the larger batch and back, the memory holds what others left: nothing may be read that was not written.
      expect(losses[2]).toEqual(losses[0]);
      return { losses, gradients: adapter.tensors().map(({ name }) => trainer.gradient(name)) };
    };
    for (const storedRows of [4096, 3, 2]) {
      const grown = await bits(storedRows);
      expect(grown.gradients.some((gradient) => gradient.some((value) => value !== 0))).toBe(true);
      expect(await bits(storedRows, { rows: 4, labelledRows: 2, prefixRows: 0 })).toEqual(grown);
      expect(await bits(storedRows, { rows: 1, labelledRows: 1, prefixRows: 0 })).toEqual(grown);
      expect(await bits(storedRows, { rows: 100, labelledRows: 50, prefixRows: 20 })).toEqual(grown);
    }
    expect(() =>
      model.createTrainer({
        adapter,
        dropout: 0,
        seed: 0,
        storedRows: 0,
        largestBatch: { rows: 3, labelledRows: 4, prefixRows: 0 },
      }),
    ).toThrow(/between 0 and 3 for options.largestBatch.labelledRows/);
  });

  it.each<[string, string, Partial<TrainBatch>]>([
    ["starts that fall", "batch", { starts: Int32Array.of(0, 3, 2) }],
    ["starts that end early", "batch", { starts: Int32Array.of(0, 2, 3) }],
    ["starts that begin late", "batch", { starts: Int32Array.of(1, 2, 4) }],
    ["an empty segment", "batch", { starts: Int32Array.of(0, 4, 4) }],
    ["too few starts", "batch", { starts: Int32Array.of(0, 4) }],
    ["a later parent", "batch", { parents: Int32Array.of(1, -1) }],
    ["itself as parent", "batch", { parents: Int32Array.of(-1, 1) }],
    ["a token past the vocabulary", "batch", { tokens: Int32Array.of(5, 6, 7, 96) }],
    ["a target past the vocabulary", "batch", { targets: Int32Array.of(96, -1, 8, -1) }],
    ["too few targets", "batch", { targets: Int32Array.of(6, -1, 8) }],
    ["too few ids", "batch", { ids: ["a"] }],
    [
      "no segment",
      "batch",
      {
        tokens: new Int32Array(),
        targets: new Int32Array(),
        starts: Int32Array.of(0),
        parents: new Int32Array(),
        ids: [],
      },
    ],
    [
      "a sequence longer than the context",
      "context",
      {
        tokens: new Int32Array(300).fill(5),
        targets: new Int32Array(300).fill(5),
        starts: Int32Array.of(0, 200, 300),
        parents: Int32Array.of(-1, 0),
      },
    ],
  ])("refuse %s with code %s", async (_, code, change) => {
    using model = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
    using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
    await expect(trainer.accumulate(batch(change))).rejects.toMatchObject({ code });
  });

  describe("given a prefix in common", () => {
    const opening = { opens: true, closes: false };
    const going = { opens: false, closes: false };
    const closing = { opens: false, closes: true };
    /** Two tokens in common, then two segments that go on from there. */
    const tree = (prefix: TrainBatch["prefix"], change: Partial<TrainBatch> = {}): TrainBatch =>
      batch({
        tokens: Int32Array.of(3, 4, 5, 6, 7, 8),
        targets: Int32Array.of(-1, -1, 6, -1, 8, -1),
        starts: Int32Array.of(0, 2, 4, 6),
        parents: Int32Array.of(-1, 0, 0),
        ids: ["a", "a", "b"],
        ...(prefix && { prefix }),
        ...change,
      });
    const longer = {
      tokens: Int32Array.of(3, 4, 5, 6, 7, 8, 9),
      targets: Int32Array.of(-1, -1, 6, -1, 8, 9, -1),
      starts: Int32Array.of(0, 2, 4, 7),
    };
    const update = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

    it.each<[string, TrainBatch[]]>([
      ["one that was never opened", [tree(going)]],
      ["one that was closed", [tree(opening), tree(closing), tree(closing)]],
      ["another one", [tree(opening), tree(closing, { tokens: Int32Array.of(3, 9, 5, 6, 7, 8) })]],
      ["a second one before the first is closed", [tree(opening), tree(opening)]],
      ["a batch of its own before it is closed", [tree(opening), batch()]],
      ["a target in it", [tree(opening, { targets: Int32Array.of(-1, 5, 6, -1, 8, -1) })]],
    ])("refuse %s", async (_, batches) => {
      using model = await load();
      using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
      using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
      for (const each of batches.slice(0, -1)) await trainer.accumulate(each);
      await expect(trainer.accumulate(batches.at(-1) as TrainBatch)).rejects.toMatchObject({ code: "batch" });
    });

    it("refuse it with dropout", async () => {
      using model = await load();
      using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
      using dropping = model.createTrainer({ adapter, dropout: 0.5, seed: 0, storedRows: 4096 });
      await expect(dropping.accumulate(tree(opening))).rejects.toMatchObject({ code: "batch" });
    });

    it("refuse to update before it is closed; batches of any size may come between", async () => {
      using model = await load();
      using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
      using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
      await trainer.accumulate(tree(opening));
      await expect(trainer.update(update)).rejects.toMatchObject({ code: "batch" });
      await trainer.accumulate(tree(going, longer));
      await trainer.accumulate(tree(closing));
      await trainer.update(update);
      await trainer.accumulate(batch());
    });
  });

  it("refuse a dropout of 1 and an adapter of nothing", async () => {
    using model = await load();
    using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
    expect(() => model.createTrainer({ adapter, dropout: 1, seed: 0, storedRows: 4096 })).toThrow(/options.dropout/);
    expect(() => model.createTrainer({ adapter: wrong(null), dropout: 0, seed: 0, storedRows: 4096 })).toThrow(
      TypeError,
    );
  });
});
