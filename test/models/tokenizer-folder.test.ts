import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readEndIds, readFolderTokenizer } from "../../src/models/tokenizer-folder.js";
import { fileFolder } from "../formats/file-folder.js";
import { bosFirst, byteLevelJson } from "./made-tokenizers.js";

const folder = fileFolder();
let count = 0;

/** A model folder with these files beside tokenizer.json; returns its path. */
function model(files: Readonly<Record<string, unknown>>, tokenizer: object = byteLevelJson): string {
  const name = `model-${count++}`;
  mkdirSync(`${folder.path}/${name}`);
  folder.write(`${name}/tokenizer.json`, JSON.stringify(tokenizer));
  for (const [file, content] of Object.entries(files)) {
    folder.write(`${name}/${file}`, typeof content === "string" ? content : JSON.stringify(content));
  }
  return `${folder.path}/${name}`;
}

describe("readFolderTokenizer", () => {
  it("takes special tokens from strings, objects or special_tokens_map.json", async () => {
    const plain = await readFolderTokenizer(
      model({ "tokenizer_config.json": { bos_token: "<s>", eos_token: { content: "</s>" } } }),
    );
    expect(plain).toMatchObject({ bosId: 0, eosId: 1, addsBos: false });
    const mapped = await readFolderTokenizer(model({ "special_tokens_map.json": { eos_token: "</s>" } }));
    expect(mapped).toMatchObject({ bosId: null, eosId: 1 });
  });

  it("adds the BOS that the post-processor or add_bos_token asks for", async () => {
    const config = { bos_token: "<s>", eos_token: "</s>" };
    const processed = { ...byteLevelJson, post_processor: bosFirst };
    expect(await readFolderTokenizer(model({ "tokenizer_config.json": config }, processed))).toMatchObject({
      addsBos: true,
    });
    expect(
      await readFolderTokenizer(model({ "tokenizer_config.json": { ...config, add_bos_token: false } }, processed)),
    ).toMatchObject({ addsBos: false });
    expect(
      await readFolderTokenizer(model({ "tokenizer_config.json": { ...config, add_bos_token: true } })),
    ).toMatchObject({ addsBos: true });
  });

  it("gathers the end tokens of all files", async () => {
    const path = model({
      "tokenizer_config.json": { eos_token: "</s>" },
      "generation_config.json": { eos_token_id: [258, 1] },
      "config.json": { eos_token_id: 259 },
    });
    expect((await readFolderTokenizer(path))?.eosIds).toEqual([1, 258, 259]);
    expect(await readEndIds(path)).toEqual([258, 1, 259]);
  });

  it("finds the chat template wherever it stands", async () => {
    const template = async (files: Readonly<Record<string, unknown>>) =>
      (await readFolderTokenizer(model(files)))?.chatTemplate;
    expect(await template({})).toBeNull();
    expect(await template({ "tokenizer_config.json": { chat_template: "A" } })).toBe("A");
    const named = [
      { name: "tool_use", template: "T" },
      { name: "default", template: "D" },
    ];
    expect(await template({ "tokenizer_config.json": { chat_template: named } })).toBe("D");
    expect(
      await template({ "tokenizer_config.json": { chat_template: "A" }, "chat_template.json": { chat_template: "B" } }),
    ).toBe("B");
    expect(await template({ "tokenizer_config.json": { chat_template: "A" }, "chat_template.jinja": "C" })).toBe("C");
  });

  it("is null without a tokenizer.json, and an error for a broken one", async () => {
    expect(await readFolderTokenizer(folder.path)).toBeNull();
    await expect(readFolderTokenizer(model({}, { model: {} }))).rejects.toThrow(/tokenizer\.json can't be used/);
  });
});
