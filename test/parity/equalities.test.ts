// What must not change results: packing, threads, an adapter whose B is zero, other rows, the size of steps (to the bit), and accumulation (to rounding).
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BackendName, LoraTarget, TrainBatch } from "../../src/native/types.js";
import { packBatch, sharedPrefix, type TrainSequence } from "../../src/train/batches.js";
import { splitByRows } from "../../src/train/micro-batches.js";
import { packUpdate } from "../../src/train/updates.js";
import { defaultModel } from "../models/real-models.js";
import { fixturesFolder } from "../shared-folder.js";
import { expectSameBits, relativeDistance } from "./compare.js";
import {
  allBackends,
  allTargets,
  fillRandomly,
  gradientsOf,
  load,
  mainBackend,
  randomTokens,
  sampling,
} from "./loaded-model.js";

interface Case {
  readonly name: string;
  readonly path: string;
  readonly backend: BackendName;
  readonly targets: readonly LoraTarget[];
  readonly vocabSize: number;
  /** Lengths of the sequences that are compared. */
  readonly lengths: readonly number[];
}

const real = defaultModel();
/** Without adapters in the MLP its activation is made within the products beside it. */
const queryAndValue: readonly LoraTarget[] = ["q_proj", "v_proj"];
const tinyModels = [
  { model: "dynamic", targets: allTargets },
  { model: "yarn", targets: allTargets },
  { model: "qwen2-untied", targets: allTargets },
  { model: "qwen2-untied", targets: queryAndValue },
];
const tiny = tinyModels.flatMap(({ model, targets }) =>
  allBackends.map((backend) => ({
    name: targets === allTargets ? model : `${model}, ${targets.join(" and ")}`,
    path: join(fixturesFolder, "tiny", model),
    backend,
    targets,
    vocabSize: 96,
    lengths: [3, 40, 2, 70],
  })),
);
const cases: Case[] =
  real === null || mainBackend === "reference"
    ? tiny
    : [
        ...tiny,
        {
          name: "SmolLM2",
          path: real,
          backend: mainBackend,
          targets: allTargets,
          vocabSize: 49152,
          lengths: [3, 40, 70],
        },
      ];

function sequencesFor({ vocabSize, lengths }: Case): TrainSequence[] {
  return lengths.map((length, i) => {
    const tokens = randomTokens(length, i, vocabSize);
    return { id: `row ${i}`, tokens, labels: tokens };
  });
}

/** log p of every token after the first. */
const everyToken = (tokens: Int32Array) => ({ tokens, from: 1 });

describe.each(cases)("$name on $backend, to the bit", (example) => {
  it("scores a sequence alone as packed with others", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const rows = sequencesFor(example).map(({ tokens }) => everyToken(tokens));
    const packed = await model.score(rows, { adapter, compute: "f32", rowsPerStep: 1000 }, null);
    for (const [i, row] of rows.entries()) {
      const [alone] = await model.score([row], { adapter, compute: "f32", rowsPerStep: 1000 }, null);
      expectSameBits(alone as Float32Array, packed[i] as Float32Array, `sequence ${i}`);
    }
  });

  it("is the base model under an adapter whose B is zero", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05, "lora_A");
    for (const { tokens } of sequencesFor(example)) {
      expectSameBits(await model.logits(tokens, adapter), await model.logits(tokens, null), "logits");
    }
  });

  it("does not depend on the number of threads", async () => {
    const results = [];
    for (const threads of [1, 2, 3]) {
      using model = await load(example.path, example.backend, threads);
      using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
      fillRandomly(adapter, 0.05);
      const sequences = sequencesFor(example);
      const logits = await model.logits(sequences[1]?.tokens ?? new Int32Array(), adapter);
      results.push({ logits, ...(await gradientsOf(model, adapter, [packBatch(sequences, 0.01)])) });
    }
    const [one, ...others] = results;
    for (const other of others) {
      expectSameBits(other.logits, one?.logits as Float32Array, "logits");
      expect(other.loss).toBe(one?.loss);
      for (const [name, gradient] of one?.gradients ?? []) {
        expectSameBits(other.gradients.get(name) as Float32Array, gradient as Float32Array, name);
      }
    }
  });

  it("trains alike whether activations are stored or layers run again", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const sequences = sequencesFor(example);
    // Micro-batches of different sizes, so that one trainer goes through several layouts.
    const batches = [sequences, sequences.slice(1, 2), sequences.slice(0, 3)].map((some) => packBatch(some, 0.01));
    for (const dropout of [0, 0.25]) {
      const stored = await gradientsOf(model, adapter, batches, { dropout });
      for (const storedRows of [0, 1, 50, 80]) {
        const again = await gradientsOf(model, adapter, batches, { dropout, storedRows });
        expect(again.loss).toBe(stored.loss);
        for (const [name, gradient] of stored.gradients)
          expectSameBits(again.gradients.get(name) as Float32Array, gradient as Float32Array, `${name}, ${storedRows}`);
      }
    }
  });

  it("answers a prompt alike whatever runs beside it and however it is cut", async () => {
    using model = await load(example.path, example.backend);
    const prompts = sequencesFor(example).map(({ id, tokens }) => ({
      id,
      tokens: tokens.subarray(0, 50),
      sample: 0,
      maxNewTokens: 20,
      minNewTokens: 0,
    }));
    for (const temperature of [0, 1]) {
      const options = { ...sampling, adapter: null, temperature };
      const together = await model.generate(prompts, { ...options, maxSequences: 8, rowsPerStep: 512 }, null);
      const chunked = await model.generate(prompts, { ...options, maxSequences: 2, rowsPerStep: 7 }, null);
      expect(chunked).toEqual(together);
      for (const [i, prompt] of prompts.entries()) {
        const [alone] = await model.generate([prompt], { ...options, maxSequences: 1, rowsPerStep: 64 }, null);
        expect(alone, `prompt ${i} at temperature ${temperature}`).toEqual(together[i]);
      }
    }
  });

  it("answers prompts that begin alike as each one alone", async () => {
    using model = await load(example.path, example.backend);
    // 67 common tokens: two whole pages of the cache, and three tokens of the third.
    const common = randomTokens(67, 9, example.vocabSize);
    const prompts = [1, 5, 20, 0].map((length, i) => ({
      id: `row ${i}`,
      tokens: Int32Array.of(...common, ...randomTokens(length, i, example.vocabSize)),
      sample: 0,
      maxNewTokens: 8,
      minNewTokens: 0,
    }));
    const options = { ...sampling, adapter: null, temperature: 1, rowsPerStep: 50 };
    for (const maxSequences of [1, 3]) {
      const together = await model.generate(prompts, { ...options, maxSequences }, null);
      for (const [i, prompt] of prompts.entries()) {
        const [alone] = await model.generate([prompt], { ...options, maxSequences }, null);
        expect(alone, `prompt ${i}`).toEqual(together[i]);
      }
    }
  });
});

/** Sequences that begin with the same nine tokens, in several micro-batches. */
function prefixedBatches(example: Case): TrainSequence[][] {
  const common = randomTokens(9, 7, example.vocabSize);
  const sequences = sequencesFor(example).map(({ id, tokens }) => {
    const whole = Int32Array.of(...common, ...tokens);
    return { id, tokens: whole, labels: whole.map((token, i) => (i <= common.length ? -100 : token)) };
  });
  const batches = splitByRows(sequences, 60, "prefix");
  expect(batches.length).toBeGreaterThan(2);
  return batches;
}

/** With the prefix shared over all micro-batches, or in each of them alone. */
const once = (batches: readonly (readonly TrainSequence[])[]): readonly TrainBatch[] =>
  packUpdate(batches, "prefix").batches;
const apart = (batches: readonly (readonly TrainSequence[])[]): TrainBatch[] =>
  batches.map((batch) => packBatch(batch, once(batches)[0]?.lossScale ?? 0, sharedPrefix(batch)));

/** Models whose ropes turn a prefix alike in every sequence. */
const sharing = cases.filter(({ name }) => name !== "dynamic");

describe.each(sharing)("$name on $backend, a prefix in common", (example) => {
  it("is computed once for all micro-batches, to the gradient of one batch", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const batches = prefixedBatches(example);
    const whole = await gradientsOf(model, adapter, once([batches.flat()]));
    expect(once(batches).map(({ prefix }) => [prefix?.opens, prefix?.closes])).toEqual(
      batches.map((_, i) => [i === 0, i + 1 === batches.length]),
    );
    // As in the tree below: the shared prefix sums its gradients before they go further down.
    const tolerance = example.name === "SmolLM2" ? 1e-5 : 1e-6;
    for (const parts of [
      await gradientsOf(model, adapter, apart(batches)),
      await gradientsOf(model, adapter, once(batches)),
    ]) {
      expect(relativeDistance([parts.loss], [whole.loss])).toBeLessThan(1e-6);
      for (const [name, gradient] of whole.gradients)
        expect(relativeDistance(parts.gradients.get(name) ?? [], gradient), name).toBeLessThan(tolerance);
    }
  });

  it("changes no bit of the loss; nor do threads and what is kept for backward change the gradients", async () => {
    const batches = prefixedBatches(example);
    // Twice over: an update leaves nothing behind for the next.
    const update = [...once(batches), ...once(batches)];
    const results = [];
    for (const threads of [1, 2]) {
      using model = await load(example.path, example.backend, threads);
      using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
      fillRandomly(adapter, 0.05);
      for (const storedRows of [4096, 0, 50, 55])
        results.push(await gradientsOf(model, adapter, update, { storedRows }));
      const { loss } = await gradientsOf(model, adapter, [...apart(batches), ...apart(batches)]);
      expect(results.map((result) => result.loss)).toEqual(results.map(() => loss));
    }
    const [first, ...others] = results;
    for (const other of others)
      for (const [name, gradient] of first?.gradients ?? [])
        expectSameBits(other.gradients.get(name) as Float32Array, gradient as Float32Array, name);
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const single = await gradientsOf(model, adapter, once(batches));
    for (const [name, gradient] of first?.gradients ?? []) {
      const doubled = Float64Array.from(single.gradients.get(name) ?? [], (value) => 2 * value);
      expect(relativeDistance(gradient, doubled), name).toBeLessThan(1e-6);
    }
  });
});

describe.each(cases)("$name on $backend, within 1e-6", (example) => {
  it("accumulates micro-batches by rows, their common prefix shared in each, to the gradient of one batch", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const common = randomTokens(9, 7, example.vocabSize);
    const sequences = sequencesFor(example).map(({ id, tokens }) => {
      const whole = Int32Array.of(...common, ...tokens);
      return { id, tokens: whole, labels: whole.map((token, i) => (i <= common.length ? -100 : token)) };
    });
    const sharing = example.name === "dynamic" ? "none" : "prefix";
    const packed = (some: readonly TrainSequence[]): TrainBatch =>
      packBatch(some, 0.01, sharing === "none" ? 0 : sharedPrefix(some));
    const whole = await gradientsOf(model, adapter, [packed(sequences)]);
    const batches = splitByRows(sequences, 90, sharing);
    expect(batches.length).toBeGreaterThan(1);
    const parts = await gradientsOf(model, adapter, batches.map(packed));
    expect(relativeDistance([parts.loss], [whole.loss])).toBeLessThan(1e-6);
    // As in the tree below: the shared prefix sums its gradients before they go further down.
    const tolerance = example.name === "SmolLM2" ? 1e-5 : 1e-6;
    for (const [name, gradient] of whole.gradients) {
      expect(relativeDistance(parts.gradients.get(name) ?? [], gradient), name).toBeLessThan(tolerance);
    }
  });

  it("accumulates micro-batches to the gradient of one batch", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const sequences = sequencesFor(example);
    const whole = await gradientsOf(model, adapter, [packBatch(sequences, 0.01)]);
    const parts = await gradientsOf(
      model,
      adapter,
      sequences.map((sequence) => packBatch([sequence], 0.01)),
    );
    expect(relativeDistance([parts.loss], [whole.loss])).toBeLessThan(1e-6);
    for (const [name, gradient] of whole.gradients) {
      expect(relativeDistance(parts.gradients.get(name) ?? [], gradient), name).toBeLessThan(1e-6);
    }
  });

  it("trains on a sequence alone as packed with others", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const sequences = sequencesFor(example);
    const alone = await gradientsOf(model, adapter, [packBatch(sequences.slice(1, 2), 0.01)]);
    // The others carry no loss. Gradients are sums over all rows, so only their rounding may differ.
    const mute = sequences.map((sequence, i) =>
      i === 1 ? sequence : { ...sequence, labels: sequence.labels.map(() => -100) },
    );
    const packed = await gradientsOf(model, adapter, [packBatch(mute, 0.01)]);
    expect(packed.loss).toBe(alone.loss);
    for (const [name, gradient] of alone.gradients) {
      expect(relativeDistance(packed.gradients.get(name) ?? [], gradient), name).toBeLessThan(1e-6);
    }
  });

  it("trains on a tree of segments as on whole sequences", async () => {
    using model = await load(example.path, example.backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: example.targets });
    fillRandomly(adapter, 0.05);
    const first = randomTokens(17, 0, example.vocabSize);
    const second = randomTokens(9, 1, example.vocabSize);
    const third = randomTokens(12, 2, example.vocabSize);
    const joined = (tail: Int32Array, id: string): TrainSequence => {
      const tokens = Int32Array.of(...first, ...tail);
      return { id, tokens, labels: tokens.map((token, i) => (i <= first.length ? -100 : token)) };
    };
    const apart = packBatch([joined(second, "a"), joined(third, "b")], 0.05);
    const shifted = (tail: Int32Array) => [...tail.slice(1), -1];
    const tree: TrainBatch = {
      tokens: Int32Array.of(...first, ...second, ...third),
      targets: Int32Array.of(...first.map(() => -1), ...shifted(second), ...shifted(third)),
      parents: Int32Array.of(-1, 0, 0),
      starts: Int32Array.of(0, first.length, first.length + second.length, first.length + second.length + third.length),
      ids: ["prefix", "a", "b"],
      lossScale: 0.05,
    };
    const expected = await gradientsOf(model, adapter, [apart]);
    const actual = await gradientsOf(model, adapter, [tree]);
    expect(relativeDistance([actual.loss], [expected.loss])).toBeLessThan(1e-6);
    // A shared segment sums its gradients before they go further down: other rounding, which thirty layers multiply.
    const tolerance = example.name === "SmolLM2" ? 1e-5 : 1e-6;
    for (const [name, gradient] of expected.gradients) {
      expect(relativeDistance(actual.gradients.get(name) ?? [], gradient), name).toBeLessThan(tolerance);
    }
  });
});
