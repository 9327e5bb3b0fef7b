import { describe, expect, it } from "vitest";
import { inspectTokens } from "../../src/train/inspect.js";
import { idOf, llamaLike } from "../templates/letter-model.js";

const { tokenizer } = llamaLike;

function sequence(text: string, masked: number) {
  const tokens = Int32Array.from(tokenizer.encode(text, { addSpecial: true }));
  return { id: "a", tokens, labels: tokens.map((token, index) => (index < masked ? -100 : token)) };
}

describe("inspectTokens", () => {
  it("shows each token and whether it is trained", () => {
    expect(inspectTokens(sequence("X\nY</s>", 3), tokenizer)).toEqual([
      { id: idOf("<s>"), text: "<s>", trained: false },
      { id: 1088, text: "X", trained: false },
      { id: 1010, text: "\n", trained: false },
      { id: 1089, text: "Y", trained: true },
      { id: idOf("</s>"), text: "</s>", trained: true },
    ]);
  });

  it("knows that nothing predicts the first token", () => {
    expect(inspectTokens(sequence("X", 0), tokenizer).map(({ trained }) => trained)).toEqual([false, true]);
  });

  it("shows the space that a tokenizer drops from a token standing alone", () => {
    const stripping = {
      ...tokenizer,
      decode: (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: false }).replace(/^ /, ""),
    };
    expect(inspectTokens(sequence("a b", 0), stripping).map(({ text }) => text)).toEqual(["<s>", "a", " ", "b"]);
  });
});
