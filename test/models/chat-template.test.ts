import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readGguf } from "../../src/formats/gguf.js";
import { type ChatMessage, createChatModel } from "../../src/models/chat-template.js";
import { readGgufTokenizer } from "../../src/models/tokenizer-gguf.js";
import { sharedPath } from "../shared-folder.js";
import { byteLevelTokenizer } from "./made-tokenizers.js";
import { defaultModel } from "./real-models.js";

const hello: ChatMessage[] = [{ role: "user", content: "Hi" }];

describe("renderChat", () => {
  it("leaves no line for block tags and knows the special tokens", () => {
    const source =
      "{{ bos_token }}\n{% for m in messages %}\n  {% if true %}\n{{ m.role }}: {{ m.content | trim }}{{ eos_token }}\n  {% endif %}\n{% endfor %}\n{% if add_generation_prompt %}ready{% endif %}";
    const model = createChatModel(byteLevelTokenizer({ chatTemplate: source }));
    expect(model.renderChat(hello, { addGenerationPrompt: true })).toBe("<s>\nuser: Hi</s>\nready");
    expect(model.renderChat(hello, { addGenerationPrompt: false })).toBe("<s>\nuser: Hi</s>\n");
  });

  it("passes on what the template refuses", () => {
    const model = createChatModel(byteLevelTokenizer({ chatTemplate: "{{ raise_exception('No system role') }}" }));
    expect(() => model.renderChat(hello, { addGenerationPrompt: true })).toThrow(
      /refused these messages: .*No system role/,
    );
  });

  it("says what is wrong with a template, or that there is none", () => {
    const broken = createChatModel(byteLevelTokenizer({ chatTemplate: "{% for %}" }));
    expect(() => broken.renderChat(hello, { addGenerationPrompt: true })).toThrow(/can't be read/);
    const none = createChatModel(byteLevelTokenizer({ chatTemplate: null }));
    expect(() => none.renderChat(hello, { addGenerationPrompt: true })).toThrow(/no chat template/);
  });
});

const smol = defaultModel();
const reference = sharedPath("reference", "chat_template.json");
describe.skipIf(smol === null || reference === null)("SmolLM2's chat template", () => {
  it("gives transformers' texts", () => {
    const tokenizer = readGgufTokenizer(readGguf(smol ?? ""));
    if (tokenizer === null) throw new Error("no tokenizer");
    const { cases } = JSON.parse(readFileSync(reference ?? "", "utf8")) as {
      cases: { messages: ChatMessage[]; add_generation_prompt: boolean; text: string }[];
    };
    expect(cases.length).toBe(4);
    const model = createChatModel(tokenizer);
    for (const { messages, add_generation_prompt: addGenerationPrompt, text } of cases) {
      expect(model.renderChat(messages, { addGenerationPrompt })).toBe(text);
    }
  });
});
