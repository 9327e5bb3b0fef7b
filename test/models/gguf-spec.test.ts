import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGguf } from "../../src/formats/gguf.js";
import { readGgufModel } from "../../src/models/gguf-spec.js";
import { llama3Rope } from "../../src/models/rope.js";
import { fileFolder } from "../formats/file-folder.js";
import { type GgufInput, ggufBytes, type TensorInput } from "../formats/gguf-bytes.js";
import { fixturesFolder } from "../shared-folder.js";

const folder = fileFolder();
const WIDTH = 8;
const HEAD = 4;

/** Metadata of a tiny model of an architecture: 2 layers, 2 query heads, 1 key head of 4. */
function metadata(architecture: string, more: Readonly<Record<string, GgufInput>> = {}): Record<string, GgufInput> {
  const keys = {
    block_count: 2,
    context_length: 64,
    embedding_length: WIDTH,
    feed_forward_length: 16,
    "attention.head_count": 2,
    "attention.head_count_kv": 1,
    "attention.layer_norm_rms_epsilon": { float32: 1e-5 },
    ...more,
  };
  return {
    "general.architecture": architecture,
    ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value])),
  };
}

function tensors(extra: (layer: number) => readonly TensorInput[] = () => []): TensorInput[] {
  const layer = (i: number): TensorInput[] =>
    [
      { name: "attn_norm.weight", shape: [WIDTH] },
      { name: "attn_q.weight", shape: [2 * HEAD, WIDTH] },
      { name: "attn_k.weight", shape: [HEAD, WIDTH] },
      { name: "attn_v.weight", shape: [HEAD, WIDTH] },
      { name: "attn_output.weight", shape: [WIDTH, 2 * HEAD] },
      { name: "ffn_norm.weight", shape: [WIDTH] },
      { name: "ffn_gate.weight", shape: [16, WIDTH] },
      { name: "ffn_up.weight", shape: [16, WIDTH] },
      { name: "ffn_down.weight", shape: [WIDTH, 16] },
      ...extra(i),
    ].map((tensor) => ({ ...tensor, name: `blk.${i}.${tensor.name}` }));
  return [
    { name: "token_embd.weight", shape: [10, WIDTH] },
    ...layer(0),
    ...layer(1),
    { name: "output_norm.weight", shape: [WIDTH] },
  ];
}

const open = (parts: { metadata: Readonly<Record<string, GgufInput>>; tensors: readonly TensorInput[] }) =>
  readGgufModel(readGguf(folder.write("model.gguf", ggufBytes(parts))));

describe("readGgufModel", () => {
  it("qwen2: biases, rows in their natural order", async () => {
    const biases = (): TensorInput[] => [
      { name: "attn_q.bias", shape: [2 * HEAD] },
      { name: "attn_k.bias", shape: [HEAD] },
      { name: "attn_v.bias", shape: [HEAD] },
    ];
    const { spec, weights } = await open({
      metadata: metadata("qwen2", { "rope.freq_base": { float32: 1e6 } }),
      tensors: tensors(biases),
    });
    expect(spec).toMatchObject({
      architecture: "qwen2",
      vocabSize: 10,
      headSize: HEAD,
      kvHeads: 1,
      tiedHead: true,
      queryKeyNorm: false,
    });
    expect(spec.ropes[0]?.inverseFrequencies[1]).toBeCloseTo(1e-3, 12);
    expect(weights.filter(({ rowOrder }) => rowOrder === "interleaved")).toEqual([]);
    expect(weights.map(({ name }) => name)).toContain("model.layers.1.self_attn.q_proj.bias");
  });

  it("qwen3: norms of queries and keys", async () => {
    const norms = (): TensorInput[] => [
      { name: "attn_q_norm.weight", shape: [HEAD] },
      { name: "attn_k_norm.weight", shape: [HEAD] },
    ];
    const keys = { "attention.key_length": HEAD, "attention.value_length": HEAD };
    const { spec, weights } = await open({ metadata: metadata("qwen3", keys), tensors: tensors(norms) });
    expect(spec.queryKeyNorm).toBe(true);
    expect(weights.map(({ name }) => name)).toContain("model.layers.0.self_attn.k_norm.weight");
  });

  it("gemma3: its four norms, windows and two ropes; the 1 of its norms is in the file already", async () => {
    const norms = (): TensorInput[] => [
      { name: "attn_q_norm.weight", shape: [HEAD] },
      { name: "attn_k_norm.weight", shape: [HEAD] },
      { name: "post_attention_norm.weight", shape: [WIDTH] },
      { name: "post_ffw_norm.weight", shape: [WIDTH] },
    ];
    const keys = { "attention.key_length": HEAD, "attention.value_length": HEAD, "attention.sliding_window": 16 };
    const { spec, weights } = await open({ metadata: metadata("gemma3", keys), tensors: tensors(norms) });
    expect(spec).toMatchObject({
      normOffset: 0,
      embeddingScale: Math.sqrt(WIDTH),
      sandwichNorms: true,
      activation: "gelu_tanh",
    });
    expect(spec.layers).toEqual([
      { slidingWindow: 16, rope: 1 },
      { slidingWindow: 16, rope: 1 },
    ]);
    expect(spec.ropes.length).toBe(2);
    const names = weights.map(({ name }) => name);
    for (const norm of [
      "input_layernorm",
      "post_attention_layernorm",
      "pre_feedforward_layernorm",
      "post_feedforward_layernorm",
    ]) {
      expect(names).toContain(`model.layers.0.${norm}.weight`);
    }
  });

  it("divides frequencies by rope_freqs.weight, as Llama 3 scales them", async () => {
    const { spec } = await readGgufModel(readGguf(join(fixturesFolder, "gguf", "llama3", "model.gguf")));
    const scaling = { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 64 };
    const expected = llama3Rope(10000, spec.headSize, scaling).inverseFrequencies;
    for (const [i, value] of expected.entries()) {
      expect((spec.ropes[0]?.inverseFrequencies[i] ?? 0) / value).toBeCloseTo(1, 6); // the divisors are float32
    }
  });

  it("reads linear and yarn scaling", async () => {
    const linear = await open({
      metadata: metadata("llama", { "rope.scaling.type": "linear", "rope.scaling.factor": { float32: 4 } }),
      tensors: tensors(),
    });
    expect(linear.spec.ropes[0]?.inverseFrequencies[0]).toBe(0.25);
    const yarnKeys = {
      "rope.scaling.type": "yarn",
      "rope.scaling.factor": { float32: 4 },
      "rope.scaling.original_context_length": 16,
    };
    const yarn = await open({ metadata: metadata("llama", yarnKeys), tensors: tensors() });
    expect(yarn.spec.ropes[0]?.attentionScale).toBeCloseTo(0.1 * Math.log(4) + 1, 12);
  });

  it.each<[string, Readonly<Record<string, GgufInput>>, readonly TensorInput[], RegExp]>([
    [
      "an unknown architecture",
      metadata("mamba"),
      tensors(),
      /has the architecture "mamba", which is not supported; known are llama, qwen2, qwen3, gemma3/,
    ],
    [
      "experts",
      metadata("llama", { expert_count: 8 }),
      tensors(),
      /expert_count: 8 is not supported: mixtures of experts/,
    ],
    [
      "longrope",
      metadata("llama", { "rope.scaling.type": "longrope" }),
      tensors(),
      /rope\.scaling\.type: "longrope" is not supported/,
    ],
    [
      "a missing tensor",
      metadata("llama"),
      tensors().filter(({ name }) => name !== "blk.1.ffn_up.weight"),
      /model\.layers\.1\.mlp\.up_proj\.weight \[16, 8\] is missing/,
    ],
    [
      "an unknown tensor",
      metadata("llama"),
      tensors(() => [{ name: "attn_q_norm.weight", shape: [HEAD] }]),
      /model\.layers\.0\.self_attn\.q_norm\.weight is unknown/,
    ],
    [
      "another shape",
      metadata("llama", { feed_forward_length: 32 }),
      tensors(),
      /model\.layers\.0\.mlp\.gate_proj\.weight is \[16, 8\] where \[32, 8\] is expected/,
    ],
    [
      "a bias in one layer only",
      metadata("qwen2"),
      tensors((layer) => (layer === 0 ? [{ name: "attn_q.bias", shape: [8] }] : [])),
      /model\.layers\.1\.self_attn\.q_proj\.bias \[8\] is missing/,
    ],
    ["a part of several", { ...metadata("llama"), "split.count": 3 }, tensors(), /is one of 3 parts/],
  ])("refuses %s", async (_, keys, list, message) => {
    await expect(open({ metadata: keys, tensors: list })).rejects.toThrow(message);
  });
});
