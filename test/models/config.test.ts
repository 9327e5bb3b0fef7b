import { describe, expect, it } from "vitest";
import { parseModelConfig } from "../../src/models/config.js";

const base = {
  hidden_size: 64,
  intermediate_size: 176,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 320,
  max_position_embeddings: 256,
};
const parse = (values: object) => parseModelConfig("config.json", { ...base, ...values });
const windows = (values: object) => parse(values).spec.layers.map(({ slidingWindow }) => slidingWindow);

describe("families", () => {
  it("llama: biases by flags, head size from the width", () => {
    const { spec, biases } = parse({ model_type: "llama", attention_bias: true });
    expect(spec).toMatchObject({
      architecture: "llama",
      headSize: 16,
      attentionScale: 0.25,
      tiedHead: false,
      activation: "silu",
      normEpsilon: 1e-6,
    });
    expect(biases).toEqual(["q_proj", "k_proj", "v_proj", "o_proj"]);
    expect(parse({ model_type: "llama", mlp_bias: true }).biases).toEqual(["gate_proj", "up_proj", "down_proj"]);
  });

  it("mistral: slides in every layer, not with null, and by 4096 where the key is absent", () => {
    expect(windows({ model_type: "mistral", sliding_window: 24 })).toEqual([24, 24, 24, 24]);
    expect(windows({ model_type: "mistral", sliding_window: null })).toEqual([0, 0, 0, 0]);
    expect(windows({ model_type: "mistral" })).toEqual([4096, 4096, 4096, 4096]);
  });

  it("qwen2: biases on queries, keys and values; windows only where they are in use", () => {
    expect(parse({ model_type: "qwen2" }).biases).toEqual(["q_proj", "k_proj", "v_proj"]);
    expect(windows({ model_type: "qwen2", sliding_window: 32, max_window_layers: 2 })).toEqual([0, 0, 0, 0]);
    const inUse = { model_type: "qwen2", sliding_window: 32, use_sliding_window: true };
    expect(windows({ ...inUse, max_window_layers: 2 })).toEqual([0, 0, 32, 32]);
    const layerTypes = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"];
    expect(windows({ ...inUse, layer_types: layerTypes })).toEqual([32, 0, 32, 0]);
    expect(() => windows({ model_type: "qwen2", layer_types: layerTypes })).toThrow(
      /layer 0 slides but no sliding_window is in use/,
    );
  });

  it("qwen3: norms on queries and keys, heads of 128 unless it says otherwise", () => {
    expect(parse({ model_type: "qwen3" }).spec).toMatchObject({ headSize: 128, queryKeyNorm: true });
    expect(parse({ model_type: "qwen3", head_dim: 32 }).spec.headSize).toBe(32);
    expect(parse({ model_type: "qwen3" }).biases).toEqual([]);
  });

  it("gemma3: two ropes, in the old form and the new", () => {
    const old = parse({
      model_type: "gemma3_text",
      head_dim: 32,
      num_hidden_layers: 6,
      sliding_window: 24,
      query_pre_attn_scalar: 16,
      rope_scaling: { rope_type: "linear", factor: 8 },
    }).spec;
    expect(old).toMatchObject({
      normOffset: 1,
      embeddingScale: 8,
      attentionScale: 0.25,
      sandwichNorms: true,
      queryKeyNorm: true,
      tiedHead: true,
      activation: "gelu_tanh",
    });
    expect(old.layers.map(({ rope }) => rope)).toEqual([1, 1, 1, 1, 1, 0]);
    expect(old.layers.map(({ slidingWindow }) => slidingWindow)).toEqual([24, 24, 24, 24, 24, 0]);
    expect(old.ropes[0]?.inverseFrequencies[1]).toBeCloseTo(1e6 ** (-1 / 16) / 8, 12);
    expect(old.ropes[1]?.inverseFrequencies[1]).toBeCloseTo(1e4 ** (-1 / 16), 12);
    const current = parse({
      model_type: "gemma3_text",
      head_dim: 32,
      num_hidden_layers: 6,
      sliding_window: 24,
      query_pre_attn_scalar: 16,
      rope_parameters: {
        full_attention: { rope_type: "linear", rope_theta: 1e6, factor: 8 },
        sliding_attention: { rope_type: "default", rope_theta: 1e4 },
      },
    }).spec;
    expect(current).toEqual(old);
  });
});

describe("faults", () => {
  it("names the known families for an unknown one", () => {
    expect(() => parse({ model_type: "mamba" })).toThrow(
      /config\.json has model_type "mamba", which is not supported; known are llama, mistral, qwen2, qwen3, gemma3_text/,
    );
    expect(() => parse({})).toThrow(/names no model_type/);
  });

  it("come all in one error", () => {
    const broken = {
      model_type: "llama",
      hidden_size: "64",
      vocab_size: undefined,
      hidden_act: "gelu",
      num_key_value_heads: 3,
    };
    expect(() => parse(broken)).toThrow(
      /hidden_act: "gelu" is not supported; expected silu; hidden_size: expected a positive integer but found a string; num_key_value_heads: 3 does not divide num_attention_heads 4;.*vocab_size: expected a positive integer, but it is missing/,
    );
  });

  it.each<[string, object, RegExp]>([
    [
      "capped logits",
      { model_type: "gemma3_text", final_logit_softcapping: 30 },
      /final_logit_softcapping: 30 is not supported/,
    ],
    [
      "partial rotation",
      { model_type: "llama", partial_rotary_factor: 0.5 },
      /partial_rotary_factor: 0\.5 is not supported/,
    ],
    [
      "longrope",
      { model_type: "llama", rope_scaling: { type: "longrope" } },
      /rope_scaling\.rope_type: "longrope" is not supported/,
    ],
    ["mrope", { model_type: "qwen2", rope_scaling: { type: "mrope", mrope_section: [1] } }, /"mrope" is not supported/],
    [
      "no factor",
      { model_type: "llama", rope_parameters: { rope_type: "linear" } },
      /rope_parameters\.factor: expected a positive number, but it is missing/,
    ],
    ["odd heads", { model_type: "llama", hidden_size: 60 }, /head_dim: 15 is not an even integer/],
    [
      "a wrong layer type",
      { model_type: "qwen2", layer_types: ["a", "a", "a", "a"] },
      /layer_types: "a" is not supported/,
    ],
    ["too few layer types", { model_type: "qwen2", layer_types: ["full_attention"] }, /has 1 entries for 4 layers/],
  ])("%s", (_, values, message) => {
    expect(() => parse(values)).toThrow(message);
  });
});
