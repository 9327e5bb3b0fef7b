import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import { pretokenizerSteps } from "../../src/models/gguf-pretokenizer.js";
import { byteLevelJson } from "./made-tokenizers.js";

/** The pieces a kind cuts a text into, in stand-in characters (Ġ for a space, Ċ for a line feed). */
function pieces(kind: string, text: string): string[] {
  const { normalizer, steps } = pretokenizerSteps("model.gguf", kind);
  const json = { ...byteLevelJson, normalizer, pre_tokenizer: { type: "Sequence", pretokenizers: steps } };
  return new Tokenizer(json, {}).pre_tokenizer?.pre_tokenize_text(text, {}) ?? [];
}

describe("pretokenizerSteps", () => {
  it.each([
    ["gpt-2", ["I", "'ll", "Ġpay", "Ġ$", "1234", ".", "5", "ĊĊĠ", "Ġx"]],
    ["default", ["I", "'ll", "Ġpay", "Ġ$", "1234", ".", "5", "ĊĊĠ", "Ġx"]],
    ["smollm", ["I", "'ll", "Ġpay", "Ġ$", "1", "2", "3", "4", ".", "5", "ĊĊĠ", "Ġx"]],
    ["qwen2", ["I", "'ll", "Ġpay", "Ġ$", "1", "2", "3", "4", ".", "5", "ĊĊ", "Ġ", "Ġx"]],
    ["llama-bpe", ["I", "'ll", "Ġpay", "Ġ$", "123", "4", ".", "5", "ĊĊ", "Ġ", "Ġx"]],
  ])("%s", (kind, expected) => {
    expect(pieces(kind, "I'll pay $1234.5\n\n  x")).toEqual(expected);
  });

  it("takes whole tokens as they stand for Llama 3 alone", () => {
    expect(pretokenizerSteps("", "llama-bpe").ignoreMerges).toBe(true);
    expect(pretokenizerSteps("", "qwen2").ignoreMerges).toBe(false);
  });

  it("refuses an unknown kind rather than guess", () => {
    expect(() => pretokenizerSteps("model.gguf", "toString")).toThrow(
      /pre-tokenizer "toString", which is not supported/,
    );
  });
});
