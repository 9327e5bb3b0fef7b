// Sentence encoders as sentence-transformers publishes them: what is read, and what is refused.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openEncoderFolder, openEncoderModel } from "../../src/models/encoder-package.js";
import { temporaryFolder } from "../temporary-folder.js";
import { writeTinyEncoder } from "../tiny-encoder.js";

const root = temporaryFolder();

async function tiny(config: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const folder = mkdtempSync(join(root, "encoder-"));
  await writeTinyEncoder(folder, config);
  return folder;
}

describe("an encoder's folder", () => {
  it("gives its spec, its tensors without the pooler, and its limit", async () => {
    const model = await openEncoderModel(await tiny());
    expect(model.spec).toMatchObject({ architecture: "bert", width: 24, heads: 3, layers: 2, normEpsilon: 1e-12 });
    expect(model.weights).toHaveLength(3 + 2 + 2 * 16);
    expect(model.weights.every(({ name }) => /^(embeddings|encoder)\./.test(name))).toBe(true);
    expect(model.maxTokens).toBe(8);
  });

  it("is limited by its positions alone where it says nothing", async () => {
    const folder = await tiny();
    rmSync(join(folder, "sentence_bert_config.json"));
    expect((await openEncoderFolder(folder)).maxTokens).toBe(12);
  });

  it("encodes with the special tokens around, cut to the limit, whatever the tokenizer was saved with", async () => {
    const model = await openEncoderFolder(await tiny());
    expect(model.encode("A man eats foods.")).toEqual([2, 4, 5, 6, 7, 8, 10, 3]);
    expect(model.encode("")).toEqual([2, 3]);
    expect(model.encode("a a a a a a a a a dog")).toEqual([2, 4, 4, 4, 4, 4, 4, 3]);
    expect(model.encode("[SEP] zebra")).toEqual([2, 3, 1, 3]);
  });

  it("is another one where a tensor is another", async () => {
    const first = await openEncoderFolder(await tiny());
    expect((await openEncoderFolder(await tiny())).fingerprint).toBe(first.fingerprint);
    expect((await openEncoderFolder(await tiny({ layer_norm_eps: 1e-5 }))).fingerprint).not.toBe(first.fingerprint);
  });

  it.each([
    [{ model_type: "roberta" }, /model_type: "roberta" is no sentence encoder that can be run/],
    [{ hidden_act: "relu" }, /hidden_act: "relu" is not supported/],
    [{ position_embedding_type: "relative_key" }, /position_embedding_type/],
    [{ num_attention_heads: 5 }, /5 does not divide hidden_size 24/],
    [{ hidden_size: null }, /hidden_size: expected a positive integer, but it is missing/],
    [{ intermediate_size: 41 }, /encoder\.layer\.0\.intermediate\.dense\.weight is \[40, 24\] where \[41, 24\]/],
    [{ num_hidden_layers: 1 }, /encoder\.layer\.1\..* is unknown/],
  ])("is refused with %j", async (config, message) => {
    await expect(openEncoderFolder(await tiny(config))).rejects.toThrow(message);
  });

  it("is refused where it pools otherwise or does more", async () => {
    const folder = await tiny();
    mkdirSync(join(folder, "1_Pooling"));
    const pooling = join(folder, "1_Pooling", "config.json");
    writeFileSync(pooling, JSON.stringify({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }));
    await expect(openEncoderFolder(folder)).rejects.toThrow(
      /expected pooling_mode_mean_tokens alone but found pooling_mode_cls_token/,
    );
    writeFileSync(pooling, JSON.stringify({ pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }));
    expect((await openEncoderFolder(folder)).spec.width).toBe(24);
    const modules = ["Transformer", "Pooling", "Dense"].map((name) => ({
      type: `sentence_transformers.models.${name}`,
    }));
    writeFileSync(join(folder, "modules.json"), JSON.stringify(modules));
    await expect(openEncoderFolder(folder)).rejects.toThrow(/but found Dense, which can't be run/);
  });

  it("must be there", async () => {
    await expect(openEncoderFolder(join(root, "none"))).rejects.toThrow(/Expected an encoder's folder at .*none/);
    await expect(openEncoderModel("no-such-encoder")).rejects.toThrow(/an alias \(all-minilm-l6-v2\)/);
    const folder = await tiny();
    rmSync(join(folder, "tokenizer.json"));
    await expect(openEncoderFolder(folder)).rejects.toThrow(/tokenizer\.json/);
  });
});
