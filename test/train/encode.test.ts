import { describe, expect, it } from "vitest";
import type { Example, TextExample, TokenExample } from "../../src/data/example.js";
import { getPreset } from "../../src/templates/presets.js";
import type { PromptModel } from "../../src/templates/prompt-model.js";
import { getTemplate } from "../../src/templates/registry.js";
import { createPromptRenderer } from "../../src/templates/render.js";
import { encodeExamples, expectTrainable, type FaultPolicy } from "../../src/train/encode.js";
import { idOf, letterModel, llamaLike, readTokens, smolLike } from "../templates/letter-model.js";

function row(id: string, instruction: string, response: string | null, more: Partial<TextExample> = {}): TextExample {
  return { kind: "text", id, instruction, response, history: [], system: "", row: {}, ...more };
}
function tokenRow(id: string, tokens: number[], labels: number[] | null): TokenExample {
  return { kind: "tokens", id, tokens, labels };
}
interface Wish {
  readonly template?: string;
  readonly preset?: string;
  readonly model?: PromptModel;
  readonly cutoff?: number;
  readonly context?: number;
  readonly policy?: FaultPolicy;
}
function encode(examples: readonly Example[], wish: Wish = {}) {
  const model = wish.model ?? llamaLike;
  const renderer = createPromptRenderer(
    getTemplate(wish.template ?? "alpaca"),
    getPreset(wish.preset ?? "default"),
    model,
  );
  return encodeExamples(examples, renderer, {
    cutoff: wish.cutoff ?? 1024,
    maxPositions: wish.context ?? 2048,
    vocabSize: 1000 + 0x110000,
    policy: wish.policy ?? "error",
  });
}
/** The tokens that carry loss, in words. */
const trained = (sequence: { tokens: Int32Array; labels: Int32Array }): string =>
  readTokens([...sequence.labels].filter((label) => label !== -100));
const problems = (result: ReturnType<typeof encode>) => result.report.problems;

describe("encodeExamples", () => {
  it("masks the prompt and trains the response with its end token", () => {
    const { sequences, report } = encode([row("a", "X", "Yes.")]);
    const [sequence] = sequences;
    expect(readTokens([...(sequence?.tokens ?? [])])).toBe("<s>### Instruction:\nX\n\n### Response:\nYes.</s>");
    expect(sequence && trained(sequence)).toBe("Yes.</s>");
    expect([...(sequence?.labels ?? [])].slice(0, -5)).toEqual(
      new Array((sequence?.labels.length ?? 0) - 5).fill(-100),
    );
    expect(report).toEqual({
      examples: 1,
      kept: 1,
      tokens: sequence?.tokens.length,
      trainedTokens: 5,
      longest: sequence?.tokens.length,
      unchecked: 0,
      problems: [],
    });
    expect(() => expectTrainable(report)).not.toThrow();
  });

  it("trains every turn's response", () => {
    const history = [{ user: "A", assistant: "B" }];
    const [plain] = encode([row("a", "C", "D", { history })]).sequences;
    expect(plain && trained(plain)).toBe("B</s>D</s>");
    const [chat] = encode([row("a", "C", "D", { history })], { template: "chat", model: smolLike }).sequences;
    expect(chat && trained(chat)).toBe("B<|im_end|>D<|im_end|>");
    expect(readTokens([...(chat?.tokens ?? [])])).toBe(
      "<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\nD<|im_end|>",
    );
  });

  it("never tokenises prompt and response together", () => {
    const texts: string[] = [];
    const { tokenizer } = llamaLike;
    const encodeAndNote: typeof tokenizer.encode = (text, options) => {
      texts.push(text);
      return tokenizer.encode(text, options);
    };
    const model: PromptModel = { ...llamaLike, tokenizer: { ...tokenizer, encode: encodeAndNote } };
    encode([row("a", "X", "Yes.")], { model });
    expect(texts).toEqual(["### Instruction:\nX\n\n### Response:\n", "Yes."]);
  });

  it("takes too long an example for an error, drops it, or cuts it, as wished", () => {
    const examples = [row("short", "X", "Y"), row("long", "X", "Y".repeat(100))];
    const refused = encode(examples, { cutoff: 60 });
    expect(problems(refused)).toEqual([{ kind: "too-long", outcome: "error", ids: ["long"] }]);
    expect(() => expectTrainable(refused.report)).toThrow(
      /1 example longer than the cut-off: raise it with --cutoff-len, or choose --long-examples drop or cut .*id long/,
    );

    const dropped = encode(examples, { cutoff: 60, policy: "drop" });
    expect(dropped.sequences.map(({ id }) => id)).toEqual(["short"]);
    expect(problems(dropped)).toEqual([{ kind: "too-long", outcome: "dropped", ids: ["long"] }]);

    const cut = encode(examples, { cutoff: 60, policy: "cut" });
    expect(cut.sequences[1]?.tokens.length).toBe(60);
    expect(problems(cut)).toEqual([
      { kind: "too-long", outcome: "cut", ids: ["long"] },
      { kind: "end-not-trained", outcome: "kept", ids: ["long"] },
    ]);
    expect(() => expectTrainable(cut.report)).not.toThrow();
  });

  it("tells the model's context from the cut-off, and drops a prompt that leaves no room to cut", () => {
    expect(problems(encode([row("a", "X", "Y".repeat(100))], { context: 60 }))[0]).toMatchObject({
      kind: "over-context",
    });
    const hopeless = encode([row("a", "X".repeat(100), "Y")], { cutoff: 60, policy: "cut" });
    expect(problems(hopeless)).toEqual([{ kind: "too-long", outcome: "dropped", ids: ["a"] }]);
    expect(() => expectTrainable(hopeless.report)).toThrow(
      /none is left. 1 example longer than the cut-off.*\(left out\); id a/,
    );
  });

  it("reports examples without a response and with an empty one", () => {
    const result = encode([row("a", "X", null), row("b", "X", "")]);
    expect(problems(result)).toEqual([
      { kind: "no-response", outcome: "error", ids: ["a"] },
      { kind: "empty-response", outcome: "kept", ids: ["b"] },
    ]);
    expect(result.sequences[0] && trained(result.sequences[0])).toBe("</s>");
  });

  it("counts a beginning other than the tokenizer's own, which authors-main asks for", () => {
    expect(problems(encode([row("a", "X", "Y")], { preset: "authors-main" }))).toEqual([
      { kind: "bos", outcome: "kept", ids: ["a"] },
    ]);
    expect(problems(encode([row("a", "X", "Y")], { preset: "authors-reproduce" }))).toEqual([]);
    expect(problems(encode([row("a", "X", "Y")], { model: smolLike }))).toEqual([]);
  });

  it("ends llama3 responses at <|eot_id|>", () => {
    const [sequence] = encode([row("a", "X", "Y")], { template: "llama3_gsm8k" }).sequences;
    expect(sequence && trained(sequence)).toBe("Y<|eot_id|>");
  });
});

describe("rows of tokens", () => {
  const bos = idOf("<s>");
  const eos = idOf("</s>");

  it("pass through unchanged", () => {
    const result = encode([
      tokenRow("a", [bos, 1500, 1501, eos], [-100, -100, 1501, eos]),
      tokenRow("b", [bos, 1500, eos], null),
    ]);
    expect(problems(result)).toEqual([]);
    expect([...(result.sequences[0]?.labels ?? [])]).toEqual([-100, -100, 1501, eos]);
    expect([...(result.sequences[1]?.labels ?? [])]).toEqual([bos, 1500, eos]);
    expect(result.report.trainedTokens).toBe(4);
  });

  it("are checked for their beginning, their end, their labels and their ids", () => {
    const result = encode([
      tokenRow("no bos", [1500, eos], [-100, eos]),
      tokenRow("two", [bos, bos, eos], [-100, -100, eos]),
      tokenRow("no end", [bos, 1500, 1501], [-100, 1500, 1501]),
      tokenRow("end masked", [bos, 1500, eos], [-100, 1500, -100]),
      tokenRow("masked", [bos, 1500, eos], [-100, -100, -100]),
      tokenRow("only first", [bos, 1500], [bos, -100]),
      tokenRow("foreign", [bos, 99_999_999], null),
      tokenRow("line feed trained", [bos, 1500, eos, 1010], [-100, 1500, eos, 1010]),
    ]);
    expect(problems(result)).toEqual([
      { kind: "bos", outcome: "kept", ids: ["no bos", "two"] },
      { kind: "end-not-trained", outcome: "kept", ids: ["no end", "end masked"] },
      { kind: "no-trained-token", outcome: "error", ids: ["masked", "only first"] },
      { kind: "out-of-vocabulary", outcome: "error", ids: ["foreign"] },
    ]);
  });

  it("may begin with a BOS that also opens a chat message, but not with two", () => {
    const start = idOf("<|im_start|>");
    const end = idOf("<|im_end|>");
    const rows = [tokenRow("a", [start, 1500, end], null), tokenRow("b", [start, start, end], null)];
    expect(problems(encode(rows, { template: "chat", model: smolLike }))).toEqual([
      { kind: "bos", outcome: "kept", ids: ["b"] },
    ]);
    const plain = letterModel({ bos: "<s>", eos: "</s>", addsBos: false });
    expect(problems(encode([tokenRow("c", [bos, 1500, eos], null)], { model: plain }))).toEqual([
      { kind: "bos", outcome: "kept", ids: ["c"] },
    ]);
  });

  it("are all that a model without a tokenizer takes, and the report says what was not checked", () => {
    const options = { cutoff: 10, maxPositions: 10, vocabSize: 10, policy: "error" } as const;
    expect(encodeExamples([tokenRow("a", [1, 2], null)], null, options).report).toMatchObject({
      kept: 1,
      unchecked: 1,
    });
    expect(() => encodeExamples([row("a", "X", "Y")], null, options)).toThrow(/no tokenizer/);
  });

  it("need as many labels as tokens", () => {
    expect(() => encode([tokenRow("a", [bos, eos], [eos])])).toThrow(/as many labels as tokens in row a/);
  });
});
