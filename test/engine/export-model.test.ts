import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/base/error.js";
import { readAdapterFolder } from "../../src/engine/adapter-folder.js";
import type { AdapterSettings } from "../../src/engine/adapter-settings.js";
import { type Engine, openEngine } from "../../src/engine/engine.js";
import { type ExportJob, exportModel } from "../../src/engine/export-model.js";
import { readGguf } from "../../src/formats/gguf.js";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../src/formats/half-floats.js";
import { readFloatTensors, readSafetensors } from "../../src/formats/safetensors.js";
import { openModelFiles } from "../../src/models/package.js";
import { readFolderTokenizer } from "../../src/models/tokenizer-folder.js";
import { ggufTokenizerFiles, readGgufTokenizer } from "../../src/models/tokenizer-gguf.js";
import { sdft } from "../cli/run.js";
import { codeModel, defaultModel } from "../models/real-models.js";
import { expectSameBits, largestDifference } from "../parity/compare.js";
import { allTargets, fillRandomly, randomTokens } from "../parity/loaded-model.js";
import { fixturesFolder } from "../shared-folder.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const tiny = ["dynamic", "linear", "yarn", "qwen2-untied", "sharded", "llama-old-config"];
const ggufs = ["llama", "llama3"].map((name) => [`gguf ${name}`, join(fixturesFolder, "gguf", name, "model.gguf")]);
const models = [...tiny.map((name) => [name, join(fixturesFolder, "tiny", name)]), ["tiny-chat", tinyChat], ...ggufs];
const settings: AdapterSettings = { rank: 3, alpha: 6, dropout: 0, targets: allTargets, scaling: "rank-stabilised" };

/** In double precision only what merging itself rounds is seen, and not two orders of summing. */
const openAt = async (
  path: string,
  device: "cpu" | "reference-double" = "cpu",
  weights: "native" | "f32" = "native",
): Promise<Engine> => openEngine(await openModelFiles(path), { device, threads: 1, weights });

async function adapterFor(path: string, name: string): Promise<string> {
  using engine = await openAt(path);
  const adapter = engine.createAdapter(settings);
  fillRandomly(adapter.native, 0.1);
  await engine.saveAdapter(adapter, join(folder, name));
  return join(folder, name);
}

async function exported(path: string, name: string, change: Partial<ExportJob> = {}): Promise<string[]> {
  const model = await openModelFiles(path);
  return exportModel({ model, adapter: null, folder: join(folder, name), type: "f32", shardBytes: 1e9, ...change });
}

async function logitsOf(
  path: string,
  adapter: string | null,
  device?: "cpu" | "reference-double",
  weights?: "native" | "f32",
): Promise<Float32Array> {
  using engine = await openAt(path, device, weights);
  const tokens = randomTokens(40, 7, engine.spec.vocabSize);
  const loaded = adapter === null ? null : (await engine.loadAdapter(adapter)).adapter;
  return Float32Array.from(await engine.logits(tokens, loaded));
}

describe("a merged model", () => {
  it.each(models)("of %s gives the logits of base and adapter", async (name = "", path = "") => {
    const adapter = await adapterFor(path, `adapter ${name}`);
    await exported(path, `merged ${name}`, { adapter: await readAdapterFolder(adapter) });
    const expected = await logitsOf(path, adapter, "reference-double");
    const merged = await logitsOf(join(folder, `merged ${name}`), null, "reference-double");
    expect(largestDifference(merged, expected)).toBeLessThan(1e-5);
    expect(largestDifference(await logitsOf(path, null), expected)).toBeGreaterThan(1e-2);
  });

  // A GGUF keeps Llama 3's divisors as floats; config.json says what they were made from.
  const exact = models.filter(([name]) => name !== "gguf llama3");

  it.each(exact)("of %s without an adapter is the model itself, to the bit", async (name = "", path = "") => {
    await exported(path, `plain ${name}`);
    // The same values in the same form: how a value is stored may decide how its products are rounded.
    const copy = await logitsOf(join(folder, `plain ${name}`), null, "cpu", "f32");
    expectSameBits(copy, await logitsOf(path, null, "cpu", "f32"), name);
  });

  it("equals the twin that transformers holds, tensor by tensor", async () => {
    const twin = await readFloatTensors(
      await readSafetensors(join(fixturesFolder, "gguf", "llama", "model.safetensors")),
    );
    const ours = await readFloatTensors(await readSafetensors(join(folder, "plain gguf llama", "model.safetensors")));
    expect([...ours.keys()].sort()).toEqual([...twin.keys()].sort());
    for (const [name, { values }] of ours) expectSameBits(values, twin.get(name)?.values ?? new Float32Array(), name);
  });

  it("is cut into shards with their index, one tensor at a time", async () => {
    const path = join(fixturesFolder, "tiny", "qwen2-untied");
    const asked: number[] = [];
    const files = await exported(path, "shards", { shardBytes: 20_000, onTensor: (done) => asked.push(done) });
    const shards = files.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name));
    expect(shards.length).toBeGreaterThan(2);
    expect(files).toContain("model.safetensors.index.json");
    expect(existsSync(join(folder, "shards", "model.safetensors"))).toBe(false);
    expect(asked).toEqual(asked.map((_, index) => index + 1));
    expectSameBits(await logitsOf(join(folder, "shards"), null), await logitsOf(path, null), "sharded");
  });

  it("in bf16 has each number rounded, and says so", async () => {
    await exported(tinyChat, "rounded", { type: "bf16" });
    const file = await readSafetensors(join(folder, "rounded", "model.safetensors"));
    expect(new Set(file.tensors.map(({ type }) => type))).toEqual(new Set(["BF16"]));
    const source = await readFloatTensors(await readSafetensors(join(tinyChat, "model.safetensors")));
    for (const [name, { values }] of await readFloatTensors(file)) {
      const own = source.get(name)?.values ?? new Float32Array();
      expectSameBits(values, bfloat16ToFloat32(float32ToBfloat16(own)), name);
    }
    expect((await logitsOf(join(folder, "rounded"), null)).every(Number.isFinite)).toBe(true);
    const config = JSON.parse(readFileSync(join(folder, "rounded", "config.json"), "utf8"));
    expect(config).toMatchObject({ torch_dtype: "bfloat16", dtype: "bfloat16" });
  });

  it("has the tokenizer's files", async () => {
    for (const name of ["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
      expect(readFileSync(join(folder, "plain tiny-chat", name))).toEqual(readFileSync(join(tinyChat, name)));
  });

  it("stops on request, and is then no model", async () => {
    const controller = new AbortController();
    const stopping = exported(tinyChat, "stopped", {
      signal: controller.signal,
      onTensor: (done) => done === 3 && controller.abort(),
    });
    await expect(stopping).rejects.toMatchObject({ code: "interrupted" });
    expect(readdirSync(join(folder, "stopped"))).toEqual([]);
  });
});

describe("a GGUF's tokenizer as files", () => {
  const real = [
    ["SmolLM2", defaultModel()],
    ["Qwen2.5-Coder", codeModel()],
  ] as const;

  it.each(real)("of %s is the same tokenizer", async (name, path) => {
    if (path === null) return console.warn(`skipped: ${name} is not here`);
    const file = readGguf(path);
    const files = ggufTokenizerFiles(file);
    const own = readGgufTokenizer(file);
    const at = join(folder, "stopped");
    writeFileSync(join(at, "tokenizer.json"), JSON.stringify(files?.tokenizer));
    writeFileSync(join(at, "tokenizer_config.json"), JSON.stringify(files?.config));
    const read = await readFolderTokenizer(at);
    for (const text of ["Hello, wörld 123!", "<|im_start|>user\n  def f(x):\n\treturn 'é'<|im_end|>", "数学 😀 I'll"]) {
      const ids = own?.encode(text) ?? [];
      expect(read?.encode(text)).toEqual(ids);
      expect(read?.decode(ids)).toBe(own?.decode(ids));
    }
    const facts = ["bosId", "eosId", "addsBos", "chatTemplate", "vocabSize"] as const;
    for (const fact of facts) expect(read?.[fact], fact).toEqual(own?.[fact]);
  });
});

describe("sdft export", () => {
  const model = ["--model", tinyChat];

  it("writes a model that --model takes, or the adapter alone", async () => {
    const adapter = await adapterFor(tinyChat, "mine");
    const out = join(folder, "cli");
    const { status, stdout } = await sdft("export", ...model, "--adapter", adapter, "--out", out, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      folder: out,
      format: "merged",
      files: expect.arrayContaining(["config.json"]),
    });
    const generated = await sdft("generate", "--model", out, "--prompt", "hello", "--max-new-tokens", "3");
    expect(generated.status).toBe(0);
    const peft = join(folder, "peft");
    const alone = await sdft("export", ...model, "--adapter", adapter, "--format", "peft", "--out", peft);
    expect(alone.status).toBe(0);
    for (const file of ["adapter_model.safetensors", "adapter_config.json"])
      expect(readFileSync(join(peft, file))).toEqual(readFileSync(join(adapter, file)));
  });

  it.each([
    [["--format", "peft"], /Expected --adapter: with --format peft/],
    [["--adapter", join(folder, "none")], /Expected an adapter/],
    [["--adapter", join(folder, "adapter dynamic")], /belongs to another model than tiny-chat/],
    [["--max-shard-size", "much"], /Expected a size such as .* for --max-shard-size/],
    [["--dtype", "q4"], /dtype/],
  ])("refuses %j before anything is written", async (args, message) => {
    const out = join(folder, "refused");
    const { status, stderr } = await sdft("export", ...model, ...args, "--out", out);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it("replaces nothing", async () => {
    const { status, stderr } = await sdft("export", ...model, "--out", join(folder, "cli"));
    expect(stderr).toMatch(/already holds a model or adapter \(config\.json\): choose another --out/);
    expect(status).toBe(2);
    expect((await sdft("export", ...model, "--out", tinyChat)).status).toBe(2);
  });
});

describe("a configuration that config.json can't say", () => {
  it("is refused, and what would differ is named", async () => {
    const { configFromGguf } = await import("../../src/models/hf-config.js");
    const path = join(fixturesFolder, "gguf", "llama", "model.gguf");
    const { spec } = await openModelFiles(path);
    const other = { ...spec, layers: spec.layers.map((layer, index) => ({ ...layer, slidingWindow: index })) };
    const write = (): unknown => configFromGguf(readGguf(path), other, false);
    expect(write).toThrow(InputError);
    expect(write).toThrow(/\(layers would differ\)/);
  });
});
