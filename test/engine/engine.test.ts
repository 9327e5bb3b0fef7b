import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Completion } from "../../src/engine/generate.js";
import { greedySampling } from "../../src/engine/sampling.js";
import type { Session } from "../../src/experiment/session.js";
import { readFloatTensors, readSafetensors } from "../../src/formats/safetensors.js";
import { writeSafetensors } from "../../src/formats/safetensors-writer.js";
import { initializeAdapter } from "../../src/train/lora-init.js";
import { temporaryFolder } from "../temporary-folder.js";
import { openTinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const settings = { rank: 2, alpha: 4, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;
const sampling = { ...greedySampling, maxNewTokens: 12, temperature: 1, seed: 3 };
const prompts = Array.from({ length: 5 }, (_, row) => ({ id: `p${row}`, tokens: [7 + row, 40, 90 + row] }));
let session: Session;

beforeAll(async () => {
  session = await openTinyChat();
});
afterAll(() => session[Symbol.dispose]());

function trainedAdapter() {
  const adapter = session.engine.createAdapter(settings);
  initializeAdapter(adapter.native, 1);
  for (const { name, rows, columns } of adapter.native.tensors()) {
    if (name.endsWith("lora_B"))
      adapter.native.set(
        name,
        Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i) / 3),
      );
  }
  return adapter;
}

describe("generate", () => {
  it("answers in the order of the prompts, whatever stands beside a row", async () => {
    const all = await session.engine.generate(prompts, sampling);
    expect(all.map(({ id }) => id)).toEqual(prompts.map(({ id }) => id));
    const [alone] = await session.engine.generate(prompts.slice(3, 4), sampling);
    expect([...(alone?.tokens ?? [])]).toEqual([...(all[3]?.tokens ?? [])]);
  });

  it("drafts where told to, and answers alike", async () => {
    const plain = await session.engine.generate(prompts, sampling, { drafts: "off", prefixes: "apart" });
    const drafting = prompts.map((prompt, row) => ({ ...prompt, draft: plain[row]?.tokens }));
    const totals = { drafted: 0, accepted: 0 };
    const drafted = await session.engine.generate(drafting, sampling, {
      ...{ drafts: "on", maxSequences: 2, rowsPerStep: 16 },
      onProgress: ({ drafted, accepted }) => Object.assign(totals, { drafted, accepted }),
    });
    expect(drafted).toEqual(plain);
    expect(totals.accepted).toBeGreaterThan(0);
    expect(totals.drafted).toBe(totals.accepted);
  });

  it("hands out each completion once, as it will be returned", async () => {
    const early: Completion[] = [];
    const all = await session.engine.generate(prompts, sampling, {
      onCompletion: (completion) => early.push(completion),
    });
    const byId = (list: Completion[]) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(byId(early)).toEqual(byId(all));
  });

  it("ends at a stop string and leaves it out of the text", async () => {
    const [free] = await session.engine.generate(prompts.slice(0, 1), sampling);
    const text = free?.text ?? "";
    const stop = [...text].find((character) => character >= "!" && character <= "~");
    expect(stop).toBeDefined();
    const [stopped] = await session.engine.generate(prompts.slice(0, 1), { ...sampling, stop: [stop ?? ""] });
    expect(stopped?.finish).toBe("stop");
    expect(stopped?.text).toBe(text.slice(0, text.indexOf(stop ?? "")));
  });

  it("ends at an end token unless told to go on", async () => {
    const [free] = await session.engine.generate(prompts.slice(0, 1), sampling);
    const end = free?.tokens[3] ?? -1;
    const [stopped] = await session.engine.generate(prompts.slice(0, 1), sampling, { endTokens: [end] });
    expect(stopped?.finish).toBe("stop");
    expect(stopped?.tokens.at(-1)).toBe(end);
    const [on] = await session.engine.generate(
      prompts.slice(0, 1),
      { ...sampling, endTokens: "ignore" },
      { endTokens: [end] },
    );
    expect(on?.finish).toBe("length");
    expect(on?.tokens).toHaveLength(12);
  });

  it("stops when the signal fires, with what was finished handed out", async () => {
    const controller = new AbortController();
    const done: string[] = [];
    const lengths = { ...sampling, maxNewTokens: 400, endTokens: "ignore" as const };
    const running = session.engine.generate(prompts, lengths, {
      signal: controller.signal,
      onCompletion: ({ id }) => done.push(id),
      onProgress: ({ newTokens }) => newTokens > 20 && controller.abort(),
    });
    await expect(running).rejects.toMatchObject({
      code: "interrupted",
      message: expect.stringMatching(/same command again/),
    });
    expect(done).toEqual([]);
    await expect(session.engine.generate(prompts.slice(0, 1), sampling)).resolves.toHaveLength(1);
  });

  it("refuses an empty prompt and one that fills the context", async () => {
    const generate = (tokens: number[]) => session.engine.generate([{ id: "x", tokens }], sampling);
    await expect(generate([])).rejects.toThrow(/at least one token in prompt x/);
    await expect(generate(new Array(1024).fill(5))).rejects.toThrow(
      /prompt x .*context of 1024 tokens, but it has 1024/,
    );
  });
});

describe("score", () => {
  it("gives the probabilities that the logits give", async () => {
    const tokens = [7, 40, 90, 12];
    const [scores] = await session.engine.score([{ id: "x", tokens, from: 2 }]);
    const logits = await session.engine.logits(tokens);
    const V = session.engine.spec.vocabSize;
    const expected = [2, 3].map((position) => {
      const row = Array.from(logits.subarray((position - 1) * V, position * V));
      const highest = Math.max(...row);
      return (
        (row[tokens[position] ?? 0] ?? 0) -
        highest -
        Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0))
      );
    });
    expect([...(scores ?? [])].map((value) => value.toFixed(4))).toEqual(expected.map((value) => value.toFixed(4)));
  });

  it("refuses a row with nothing to score", async () => {
    await expect(session.engine.score([{ id: "x", tokens: [3], from: 1 }])).rejects.toThrow(/row x/);
  });
});

describe("divergence", () => {
  const rows = [
    { id: "long", tokens: [7, 40, 90, 12, 33, 21], promptLength: 2 },
    { id: "short", tokens: [7, 40], promptLength: 1 },
  ];

  it("is KL by its definition from the logits", async () => {
    const adapter = trainedAdapter();
    const came = await session.engine.divergence(rows, { from: adapter, to: null });
    expect(came.map(({ id, kl }) => [id, kl.length])).toEqual([
      ["long", 4],
      ["short", 1],
    ]);
    const V = session.engine.spec.vocabSize;
    for (const [i, { tokens, promptLength }] of rows.entries()) {
      const p = logProbabilities(await session.engine.logits(tokens, adapter), V);
      const q = logProbabilities(await session.engine.logits(tokens), V);
      for (let token = promptLength; token < tokens.length; token++) {
        const [from, to] = [p[token - 1] ?? [], q[token - 1] ?? []];
        const expected = from.reduce((sum, value, v) => sum + Math.exp(value) * (value - (to[v] ?? Number.NaN)), 0);
        expect(expected).toBeGreaterThan(1e-4);
        expect(came[i]?.kl[token - promptLength]).toBeCloseTo(expected, 5);
      }
    }
  });

  it("of a model from itself is 0, and may be of no rows", async () => {
    const adapter = trainedAdapter();
    for (const same of [adapter, null]) {
      const came = await session.engine.divergence(rows, { from: same, to: same });
      expect(came.flatMap(({ kl }) => [...kl])).toEqual([0, 0, 0, 0, 0]);
    }
    expect(await session.engine.divergence([], { from: null, to: null })).toEqual([]);
  });

  it("can be ended, and refuses a row that is all prompt", async () => {
    const controller = new AbortController();
    const tokens = Array.from({ length: 400 }, (_, t) => (7 * t) % 90);
    const many = tokens.map((first) => ({ id: `${first}`, tokens: [first, ...tokens], promptLength: 1 }));
    const hooks = { signal: controller.signal, onProgress: () => controller.abort() };
    const running = session.engine.divergence(many, { from: null, to: null, ...hooks });
    await expect(running).rejects.toMatchObject({ code: "interrupted" });
    const whole = session.engine.divergence([{ id: "x", tokens: [3, 4], promptLength: 2 }], { from: null, to: null });
    await expect(whole).rejects.toThrow(/row x/);
  });
});

function logProbabilities(logits: ArrayLike<number>, vocabulary: number): number[][] {
  const values = Array.from(logits);
  return Array.from({ length: values.length / vocabulary }, (_, row) => {
    const own = values.slice(row * vocabulary, (row + 1) * vocabulary);
    const highest = Math.max(...own);
    const normaliser = highest + Math.log(own.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    return own.map((value) => value - normaliser);
  });
}

describe("adapters", () => {
  const path = join(folder, "adapter");

  it("change the answer, and survive their folder to the bit", async () => {
    const adapter = trainedAdapter();
    await session.engine.saveAdapter(adapter, path);
    const { adapter: loaded, warnings } = await session.engine.loadAdapter(path);
    expect(warnings).toEqual([]);
    expect(loaded.settings).toEqual(settings);
    expect(session.engine.hashAdapter(loaded)).toBe(session.engine.hashAdapter(adapter));
    const tokens = [7, 40, 90];
    const base = await session.engine.logits(tokens);
    expect(await session.engine.logits(tokens, loaded)).toEqual(await session.engine.logits(tokens, adapter));
    expect(await session.engine.logits(tokens, loaded)).not.toEqual(base);
    expect(await session.engine.logits(tokens)).toEqual(base);
  });

  it("are written under peft's names", async () => {
    const names = (await readSafetensors(join(path, "adapter_model.safetensors"))).tensors.map(({ name }) => name);
    expect(names).toHaveLength(8);
    expect(names).toContain("base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight");
  });

  it("trained on a base of another name only warn", async () => {
    const other = copyAdapter("renamed", (config) => ({ ...config, base_model_name_or_path: "somebody/Else-7B" }));
    const { warnings } = await session.engine.loadAdapter(other);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/somebody\/Else-7B/);
  });

  it("of another model are refused by names and shapes", async () => {
    const wide = join(folder, "wide");
    const tensors = [0, 1].flatMap((layer) =>
      ["q_proj", "v_proj"].flatMap((target) => [
        {
          name: `base_model.model.model.layers.${layer}.self_attn.${target}.lora_A.weight`,
          shape: [2, 64],
          values: new Float32Array(128),
        },
        {
          name: `base_model.model.model.layers.${layer}.self_attn.${target}.lora_B.weight`,
          shape: [32, 2],
          values: new Float32Array(64),
        },
      ]),
    );
    mkdirSync(wide, { recursive: true });
    writeFileSync(join(wide, "adapter_config.json"), readFileSync(join(path, "adapter_config.json")));
    await writeSafetensors(join(wide, "adapter_model.safetensors"), tensors);
    await expect(session.engine.loadAdapter(wide)).rejects.toThrow(
      /belongs to another model than tiny-chat: .*\[2, 64\].*\[2, 32\]/,
    );
    const written = await readFloatTensors(await readSafetensors(join(path, "adapter_model.safetensors")));
    const half = [...written]
      .filter(([name]) => name.includes("layers.0"))
      .map(([name, tensor]) => ({ name, ...tensor }));
    await writeSafetensors(join(wide, "adapter_model.safetensors"), half);
    await expect(session.engine.loadAdapter(wide)).rejects.toThrow(/layers\.1\.self_attn\.q_proj\.lora_A is missing/);
  });

  it("that are not there are said to be missing", async () => {
    await expect(session.engine.loadAdapter(folder.concat("/none"))).rejects.toThrow(
      /Expected an adapter .* in .*none but there is none/,
    );
  });

  function copyAdapter(name: string, change: (config: object) => object): string {
    const target = join(folder, name);
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, "adapter_model.safetensors"), readFileSync(join(path, "adapter_model.safetensors")));
    const config: object = JSON.parse(readFileSync(join(path, "adapter_config.json"), "utf8"));
    writeFileSync(join(target, "adapter_config.json"), JSON.stringify(change(config)));
    return target;
  }
});
