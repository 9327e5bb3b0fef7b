// A model loaded with `profile` gives the same results and says what its kernels cost.
import { expect, it } from "vitest";
import { loadAddon } from "../../src/native/addon.js";
import { batch, load, loadOptions, options, request } from "./tiny-engine.js";

it("changes no result", async () => {
  using plain = await load();
  using profiled = await loadAddon().loadModel({ ...(await loadOptions()), profile: true });
  const tokens = Int32Array.of(5, 6, 7, 8);
  expect(await profiled.logits(tokens, null)).toEqual(await plain.logits(tokens, null));
  const requests = [request(), request({ id: "b", tokens: Int32Array.of(9, 8) })];
  const sampling = options({ temperature: 1 });
  expect(await profiled.generate(requests, sampling, null)).toEqual(await plain.generate(requests, sampling, null));
});

it("drafts as much", async () => {
  const drafted = async (profile: boolean): Promise<number> => {
    using model = await loadAddon().loadModel({ ...(await loadOptions()), backend: "cpu", profile });
    let count = 0;
    const circling = request({ maxNewTokens: 60 });
    await model.generate([circling], options(), (progress) => {
      count = progress.drafted;
    });
    return count;
  };
  const plain = await drafted(false);
  expect(plain).toBeGreaterThan(0);
  expect(await drafted(true)).toBe(plain);
});

it("adds up calls, arithmetic and traffic of each kernel, products by shape", async () => {
  const load = await loadOptions();
  using model = await loadAddon().loadModel({ ...load, profile: true });
  const { width, innerWidth, layers, queryHeads, headSize } = load.spec;
  const rows = 5;
  await model.logits(Int32Array.of(1, 2, 3, 4, 5), null);
  const { seconds, kernels } = model.profile();
  const down = kernels.find(({ kernel }) => kernel === `linear ${innerWidth} to ${width}`);
  expect(down).toMatchObject({ calls: layers.length, rows: layers.length * rows });
  expect(down?.flop).toBe(layers.length * 2 * rows * innerWidth * width);
  expect(down?.bytes).toBe(layers.length * 4 * (innerWidth * width + rows * (innerWidth + width)));
  const attention = kernels.find(({ kernel }) => /attention$/.test(kernel));
  expect(attention?.flop).toBe(layers.length * 4 * queryHeads * headSize * (1 + 2 + 3 + 4 + 5));
  expect(kernels.map((cost) => cost.seconds)).toEqual(kernels.map((cost) => cost.seconds).sort((a, b) => b - a));
  const loading = ["prepare_weight", "allocate"];
  const running = kernels.filter(({ kernel }) => !loading.includes(kernel));
  expect(running.reduce((sum, cost) => sum + cost.seconds, 0)).toBeLessThanOrEqual(seconds);
});

it("counts the backward pass of training", async () => {
  using model = await loadAddon().loadModel({ ...(await loadOptions()), profile: true });
  using adapter = model.createAdapter({ rank: 2, scale: 2, targets: ["q_proj", "v_proj"] });
  using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
  await trainer.accumulate(batch());
  const names = model.profile().kernels.map(({ kernel }) => kernel);
  expect(names).toEqual(expect.arrayContaining(["attention_backward", "lora_backward"]));
  for (const product of ["linear_backward ", "gated_linear ", "gated_linear_backward "])
    expect(names.filter((name) => name.startsWith(product))).not.toEqual([]);
});

it("counts no allocation by a batch that is no larger than was said", async () => {
  const allocations = async (
    storedRows: number,
    largestBatch?: { rows: number; labelledRows: number; prefixRows: number },
  ): Promise<number> => {
    using model = await loadAddon().loadModel({ ...(await loadOptions()), profile: true });
    using adapter = model.createAdapter({ rank: 2, scale: 2, targets: ["q_proj", "v_proj"] });
    using trainer = model.createTrainer({
      adapter,
      dropout: 0,
      seed: 0,
      storedRows,
      ...(largestBatch && { largestBatch }),
    });
    const calls = () => model.profile().kernels.find(({ kernel }) => kernel === "allocate")?.calls ?? 0;
    const small = batch({
      tokens: Int32Array.of(5, 6),
      targets: Int32Array.of(6, -1),
      starts: Int32Array.of(0, 2),
      parents: Int32Array.of(-1),
      ids: ["a"],
    });
    await trainer.accumulate(small);
    const before = calls();
    for (const next of [batch(), small, batch()]) await trainer.accumulate(next);
    return calls() - before;
  };
  const largest = { rows: 4, labelledRows: 2, prefixRows: 0 };
  expect(await allocations(4096)).toBeGreaterThan(0);
  expect(await allocations(4096, largest)).toBe(0);
  // The larger batch keeps fewer layers than the smaller one: another layout of the same memory.
  expect(await allocations(3)).toBeGreaterThan(0);
  expect(await allocations(3, largest)).toBe(0);
});

it("has no kernels where the model was loaded without", async () => {
  using model = await load();
  await model.logits(Int32Array.of(1, 2), null);
  expect(model.profile().kernels).toEqual([]);
  expect(model.profile().seconds).toBeGreaterThan(0);
});
