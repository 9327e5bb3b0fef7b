// Generation through the binding: answers, streaming, ends, refusals, cancelling.
import { describe, expect, it } from "vitest";
import { openModel } from "../../src/models/resolve.js";
import { loadAddon } from "../../src/native/addon.js";
import type { Compute } from "../../src/native/loading.js";
import type { GenerateOptions, GenerateProgress, GenerateRequest } from "../../src/native/types.js";
import { tinyChat } from "../tiny-chat.js";
import { letterOffsets, letters, load, options, request, wrong } from "./tiny-engine.js";

describe("generate", () => {
  it("gives what logits say, and streams it", async () => {
    using model = await load();
    const steps: GenerateProgress[] = [];
    const requests = [
      request(),
      request({ id: "b", tokens: Int32Array.of(9), maxNewTokens: 3 }),
      request({ id: "c", maxNewTokens: 0 }),
    ];
    const results = await model.generate(requests, options(), (progress) => steps.push(progress));
    expect(results.map(({ finish }) => finish)).toEqual(["length", "length", "length"]);
    expect(results.map(({ tokens }) => tokens.length)).toEqual([8, 3, 0]);
    for (const [i, { tokens }] of requests.entries()) {
      const whole = [...tokens];
      for (const token of results[i]?.tokens ?? []) {
        const logits = (await model.logits(Int32Array.from(whole), null)).slice(-96);
        expect(token).toBe(logits.indexOf(Math.max(...logits)));
        whole.push(token);
      }
    }
    const streamed: number[][] = [[], [], []];
    for (const { indices, tokens } of steps)
      for (const [i, index] of indices.entries()) streamed[index]?.push(tokens[i] ?? -1);
    expect(streamed).toEqual(results.map(({ tokens }) => [...tokens]));
    expect(steps.flatMap(({ finished }) => [...finished])).toEqual([1, 0]);
    expect(steps.at(-1)?.promptTokens).toBe(4);
  });

  it("ends at any end token, but not before minNewTokens", async () => {
    using model = await load();
    const [free] = await model.generate([request()], options(), null);
    const third = free?.tokens[2] ?? -1;
    const first = free?.tokens.indexOf(third) ?? -1;
    const endTokens = Int32Array.of(94, third);
    const [ended] = await model.generate([request()], options({ endTokens }), null);
    expect(ended).toEqual({ tokens: free?.tokens.slice(0, first + 1), finish: "stop" });
    const [later] = await model.generate([request({ minNewTokens: 6 })], options({ endTokens }), null);
    expect(later?.tokens.length).toBeGreaterThanOrEqual(6);
    expect([...(later?.tokens ?? [])].slice(0, 5)).not.toContain(third);
  });

  it("ends where a stop string is complete", async () => {
    using model = await load();
    const [free] = await model.generate([request()], options(), null);
    const text = String.fromCharCode(...[...(free?.tokens ?? [])].map((token) => letters[token] ?? 0));
    await expect(model.generate([request()], options({ stopStrings: [text.slice(1, 4)] }), null)).rejects.toMatchObject(
      { code: "vocabulary" },
    );
    model.setVocabulary(letters, letterOffsets);
    const [stopped] = await model.generate([request()], options({ stopStrings: ["never!", text.slice(1, 4)] }), null);
    expect(stopped).toEqual({ tokens: free?.tokens.slice(0, text.indexOf(text.slice(1, 4)) + 3), finish: "stop" });
    expect(() => model.setVocabulary(letters, letterOffsets.slice(1))).toThrow(/97 offsets/);
    expect(() =>
      model.setVocabulary(
        letters,
        letterOffsets.map((offset) => offset * 2),
      ),
    ).toThrow(/rise from 0/);
  });

  it("draws by seed, id and sample, and nothing else", async () => {
    using model = await load();
    const draw = async (change: Partial<GenerateRequest>, seed = 1) => {
      const [row] = await model.generate([request(change)], options({ temperature: 2, seed }), null);
      return [...(row?.tokens ?? [])];
    };
    const first = await draw({});
    expect(await draw({})).toEqual(first);
    expect(await draw({ id: "b" })).not.toEqual(first);
    expect(await draw({ sample: 1 })).not.toEqual(first);
    expect(await draw({}, 2)).not.toEqual(first);
    expect(await draw({}, 2 ** 53 - 1)).toHaveLength(8);
  });

  it("finishes more rows than fit at once, the longest first", async () => {
    using model = await load();
    const requests = Array.from({ length: 30 }, (_, i) =>
      request({
        id: String(i),
        tokens: Int32Array.from({ length: 1 + ((i * 7) % 40) }, (_, t) => 3 + ((t + i) % 90)),
        maxNewTokens: 1 + (i % 9),
      }),
    );
    const few = await model.generate(requests, options({ maxSequences: 3, rowsPerStep: 11 }), null);
    const many = await model.generate(requests, options({ maxSequences: 30, rowsPerStep: 500 }), null);
    expect(few).toEqual(many);
    expect(few.map(({ tokens }) => tokens.length)).toEqual(requests.map(({ maxNewTokens }) => maxNewTokens));
  });

  it.each<[string, string, Partial<GenerateRequest>, Partial<GenerateOptions>]>([
    ["a prompt that with its limit is longer than the context", "context", { maxNewTokens: 1000 }, {}],
    ["an empty prompt", "tokens", { tokens: new Int32Array() }, {}],
    ["a token past the vocabulary", "tokens", { tokens: Int32Array.of(96) }, {}],
    ["a negative token", "tokens", { tokens: Int32Array.of(-1) }, {}],
    ["an end token past the vocabulary", "tokens", {}, { endTokens: Int32Array.of(96) }],
    ["a negative temperature", "sampling", {}, { temperature: -1 }],
    ["top-p of 0", "sampling", {}, { topP: 0 }],
    ["min-p above 1", "sampling", {}, { minP: 2 }],
    ["a repetition penalty of 0", "sampling", {}, { repetitionPenalty: 0 }],
  ])("refuses %s with code %s, naming the row where one is at fault", async (_, code, requestChange, optionChange) => {
    using model = await load();
    const rows = [request(), request({ id: "the row", ...requestChange })];
    const generating = model.generate(rows, options(optionChange), null);
    await expect(generating).rejects.toMatchObject({ code });
    if (Object.keys(requestChange).length > 0) await expect(generating).rejects.toThrow(/the row/);
  });

  it.each<[string, unknown, unknown, string]>([
    ["requests", 3, options(), "an array for requests"],
    [
      "tokens",
      [{ ...request(), tokens: [1, 2] }],
      options(),
      "an Int32Array for requests\\[0\\].tokens but received an array",
    ],
    ["an id", [{ ...request(), id: 3 }], options(), "a string for requests\\[0\\].id but received 3"],
    ["a fraction", [request({ maxNewTokens: 1.5 })], options(), "requests\\[0\\].maxNewTokens but received 1.5"],
    ["a seed", [request()], options({ seed: 2 ** 60 }), "options.seed"],
    ["a string", [request()], options({ temperature: wrong("hot") }), 'options.temperature but received "hot"'],
    [
      "an adapter",
      [request()],
      options({ adapter: wrong({}) }),
      "an adapter made by createAdapter for options.adapter",
    ],
    ["rows", [request()], options({ rowsPerStep: 0 }), "options.rowsPerStep but received 0"],
  ])("refuses %s of another type with a TypeError", async (_, requests, given, message) => {
    using model = await load();
    const generating = model.generate(wrong(requests), wrong(given), null);
    await expect(generating).rejects.toThrow(TypeError);
    await expect(generating).rejects.toThrow(new RegExp(message));
  });

  it("comes back as cancelled with what it has", async () => {
    using model = await load();
    const results = await model.generate(
      [request({ maxNewTokens: 200 }), request({ id: "b", maxNewTokens: 200 })],
      options({ maxSequences: 1 }),
      () => model.cancel(),
    );
    expect(results.map(({ finish }) => finish)).toEqual(["cancelled", "cancelled"]);
    expect(results[0]?.tokens.length).toBeLessThan(200);
    expect(results[1]?.tokens.length).toBe(0);
    const [again] = await model.generate([request()], options(), null);
    expect(again?.finish).toBe("length");
  });

  it("has room for twice the rows beside integer products", async () => {
    const { spec, files, weights } = await openModel(tinyChat);
    using model = await loadAddon().loadModel({
      ...{ spec, files, weights },
      ...{ backend: "cpu", threads: 1, weightFormat: "q8" },
    });
    const page = 2 * 4 * 32 * spec.kvHeads * spec.headSize * spec.layers.length;
    const requests = [3, 4].map((step) =>
      request({
        id: `${step}`,
        tokens: Int32Array.from({ length: 40 }, (_, i) => 5 + ((i * step) % 50)),
        maxNewTokens: 20,
      }),
    );
    const together = async (compute: Compute): Promise<number> => {
      let most = 0;
      await model.generate(requests, options({ compute, cacheBytes: 2 * page, drafts: "off" }), ({ indices }) => {
        most = Math.max(most, indices.length);
      });
      return most;
    };
    expect(await together("f32")).toBe(1);
    expect(await together("int")).toBe(2);
  });

  it("hands over every token in order and every answer once, though it wakes seldom", async () => {
    using model = await load();
    const told: number[] = [];
    let finished = 0;
    const [result] = await model.generate([request({ maxNewTokens: 200 })], options(), (progress) => {
      told.push(...progress.tokens);
      finished += progress.finished.length;
    });
    expect(told).toEqual([...(result?.tokens ?? [])]);
    expect(finished).toBe(1);
  });

  it("is ended by a callback that throws, with its error", async () => {
    using model = await load();
    const fault = new Error("the reader is gone");
    const generating = model.generate([request({ maxNewTokens: 200 })], options(), () => {
      throw fault;
    });
    await expect(generating).rejects.toBe(fault);
    expect((await model.generate([request()], options(), null)).length).toBe(1);
  });
});
