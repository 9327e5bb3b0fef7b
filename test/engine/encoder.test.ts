// Sentence embeddings of a small made-up BERT: by the definition, whatever stands beside a text, and what is refused.
import { beforeAll, describe, expect, it } from "vitest";
import { type Encoder, openEncoder } from "../../src/engine/encoder.js";
import { type EncoderPackage, openEncoderFolder } from "../../src/models/encoder-package.js";
import { loadAddon } from "../../src/native/addon.js";
import { temporaryFolder } from "../temporary-folder.js";
import { embedByDefinition, writeTinyEncoder } from "../tiny-encoder.js";

const folder = temporaryFolder();
const texts = ["", "a", "A man eats food.", "dogs dog dogs", "unknown words", "a man eats foods. a dog eats a man."];
let model: EncoderPackage;

beforeAll(async () => {
  await writeTinyEncoder(folder);
  model = await openEncoderFolder(folder);
});

function openTiny(device: "cpu" | "reference" | "reference-double", threads = 1): Promise<Encoder> {
  return openEncoder(model, { device, threads });
}

describe("an embedding", () => {
  it.each(["reference-double", "reference", "cpu"] as const)("is BERT's, by its definition, on %s", async (device) => {
    using encoder = await openTiny(device);
    const embeddings = await encoder.embed(texts);
    for (const [i, text] of texts.entries()) {
      const expected = await embedByDefinition(folder, model.encode(text));
      expect(embeddings[i]).toHaveLength(24);
      const farthest = Math.max(...expected.map((value, c) => Math.abs(value - (embeddings[i]?.[c] ?? Number.NaN))));
      expect(farthest).toBeLessThan(device === "reference-double" ? 1e-7 : 2e-6);
    }
  });

  it("has length 1", async () => {
    using encoder = await openTiny("cpu");
    for (const embedding of await encoder.embed(texts)) expect(Math.hypot(...embedding)).toBeCloseTo(1, 6);
  });

  it("is the same to the bit in any company, steps of any size, on any number of threads", async () => {
    using encoder = await openTiny("cpu", 1);
    const all = await encoder.embed(texts);
    for (const [i, text] of texts.entries()) expect((await encoder.embed([text]))[0]).toEqual(all[i]);
    using two = await openTiny("cpu", 2);
    expect(await two.embed([...texts, ...texts])).toEqual([...all, ...all]);
    using native = await loadAddon().loadEncoder({ ...loadOptions(), threads: 2 });
    const tokens = texts.map((text) => Int32Array.from(model.encode(text)));
    for (const rowsPerStep of [1, 5, 9, 100])
      expect(await native.embed(tokens, { rowsPerStep }, null)).toEqual(
        Float32Array.from(all.flatMap((row) => [...row])),
      );
  });

  it("is of the text cut to the model's limit", async () => {
    using encoder = await openTiny("cpu");
    const [long, cut] = await encoder.embed(["a dog eats food a dog eats a man", "a dog eats food a dog"]);
    expect(model.maxTokens).toBe(8);
    expect(long).toEqual(cut);
  });
});

const loadOptions = () => ({
  ...{ spec: model.spec, files: model.files, weights: model.weights },
  ...{ backend: "cpu" as const, threads: 1, weightFormat: "native" as const },
});

describe("a call", () => {
  it("says how many texts are done, and gives nothing for no texts", async () => {
    using encoder = await openTiny("cpu");
    const done: number[] = [];
    await encoder.embed(texts, { onProgress: (count) => done.push(count) });
    expect(done.at(-1)).toBe(texts.length);
    expect(await encoder.embed([])).toEqual([]);
  });

  it("ends where the signal fires, and the next one runs", async () => {
    using encoder = await openTiny("reference");
    const controller = new AbortController();
    const many = new Array<string>(2000).fill("a dog eats food");
    const running = encoder.embed(many, { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(running).rejects.toMatchObject({ code: "interrupted" });
    expect(await encoder.embed(["a"])).toHaveLength(1);
  });

  it("refuses ids that the encoder does not have, empty texts and long ones, before any work", async () => {
    using native = await loadAddon().loadEncoder(loadOptions());
    const embed = (...ids: number[]) =>
      native.embed([Int32Array.of(4), Int32Array.from(ids)], { rowsPerStep: 8 }, null);
    await expect(embed()).rejects.toMatchObject({ code: "tokens", message: expect.stringMatching(/text 1/) });
    await expect(embed(11)).rejects.toMatchObject({ code: "tokens" });
    await expect(embed(-1)).rejects.toMatchObject({ code: "tokens" });
    await expect(embed(...new Array<number>(13).fill(4))).rejects.toMatchObject({ code: "context" });
    await expect(native.embed([], { rowsPerStep: 0 }, null)).rejects.toThrow(TypeError);
  });

  it("is one at a time, and none after dispose", async () => {
    const encoder = await openTiny("cpu");
    const running = encoder.embed(texts);
    await expect(encoder.embed(texts)).rejects.toMatchObject({ code: "busy" });
    expect(await running).toHaveLength(texts.length);
    expect(encoder.memory.weights).toBeGreaterThan(0);
    encoder.dispose();
    encoder.dispose();
    await expect(encoder.embed(texts)).rejects.toMatchObject({ code: "disposed" });
  });
});

it("names a tensor that the spec does not fit", async () => {
  const options = loadOptions();
  const wider = { ...options, spec: { ...options.spec, innerWidth: 41 } };
  await expect(loadAddon().loadEncoder(wider)).rejects.toThrow(/intermediate\.dense/);
  const odd = { ...options, spec: { ...options.spec, heads: 5 } };
  await expect(loadAddon().loadEncoder(odd)).rejects.toThrow(/width/);
});

it("is not loaded where it would not fit", async () => {
  await expect(openEncoder(model, { device: "cpu", memoryBudget: 2 ** 20 })).rejects.toThrow(
    /Expected the encoder to fit in 1\.0 MiB, the memory budget, but it needs .*: Node, tokenizer and what is loaded/,
  );
});
