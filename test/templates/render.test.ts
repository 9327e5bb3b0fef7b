import { describe, expect, it } from "vitest";
import type { TextExample, Turn } from "../../src/data/example.js";
import { getPreset } from "../../src/templates/presets.js";
import type { PromptModel } from "../../src/templates/prompt-model.js";
import { getTemplate } from "../../src/templates/registry.js";
import { createPromptRenderer } from "../../src/templates/render.js";
import { chatml, idOf, letterModel, llamaLike, readTokens, smolLike } from "./letter-model.js";

const system =
  "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

function example(instruction: string, response: string | null, more: Partial<TextExample> = {}): TextExample {
  return { kind: "text", id: "7", instruction, response, history: [], system: null, row: {}, ...more };
}

function renderer(template: string, preset: string, model: PromptModel) {
  return createPromptRenderer(getTemplate(template), getPreset(preset), model);
}

const prompt = (template: string, preset: string, model: PromptModel, row: TextExample): string =>
  readTokens(renderer(template, preset, model).promptTokens(row));

const history: readonly Turn[] = [{ user: "A", assistant: "B" }];

describe("prompts that begin the answer", () => {
  const row = example("Write f.", null, { opening: "\ndef f(x={}):" });

  it("octocoder's question is one text without a system sentence", () => {
    const text = "Question: Write f.\n\nAnswer:\n\ndef f(x={}):";
    for (const preset of ["default", "authors-reproduce"])
      expect(prompt("humaneval", preset, llamaLike, row)).toBe(`<s>${text}`);
    expect(prompt("humaneval", "authors-main", smolLike, row)).toBe(text);
  });

  it("a chat model's answer begins with the program", () => {
    const text = renderer("chat_humaneval", "default", { ...smolLike, ...chatml }).promptText(row);
    expect(text).toContain("Write f.");
    expect(text.endsWith("```python\n\ndef f(x={}):")).toBe(true);
  });
});

describe("alpaca prompts", () => {
  it("default and paper are one text, with a BOS only where the tokenizer adds one", () => {
    const text = `${system}\n\n### Instruction:\nDo x.\n\n### Response:\n`;
    for (const preset of ["default", "paper"]) {
      expect(prompt("alpaca", preset, llamaLike, example("Do x.", null))).toBe(`<s>${text}`);
      expect(prompt("alpaca", preset, smolLike, example("Do x.", null))).toBe(text);
      expect(renderer("alpaca", preset, llamaLike).turns(example("Do x.", "y"))).toEqual([
        { prompt: [{ kind: "bos" }, { kind: "text", text }], response: "y" },
      ]);
    }
  });

  it("shows the reference answer when distilling, with the preset's wording", () => {
    expect(prompt("alpaca_distill_using", "default", smolLike, example("Do {response}.", "y"))).toBe(
      "Below are an instruction that describes a task along with a reference answer. Using the reference answer as a guide, write your own response.\n\n" +
        "### Instruction:\nDo {response}.\n\n### Reference Answer:\ny\n\n### Response:\n",
    );
    expect(prompt("alpaca_distill_refer", "default", smolLike, example("x", "y"))).toContain(
      "along with a reference answer. Refer to the reference answer and write your own response.\n\n###",
    );
    expect(() => prompt("alpaca_distill_using", "default", smolLike, example("x", null))).toThrow(/row 7 has none/);
  });

  it("authors-reproduce encodes piece by piece, with a BOS before every turn", () => {
    const { turns } = renderer("alpaca", "authors-reproduce", llamaLike);
    expect(turns(example("C", "D", { history }))).toEqual([
      {
        prompt: [
          { kind: "bos" },
          { kind: "text", text: system },
          { kind: "text", text: "\n\n" },
          { kind: "text", text: "### Instruction:\nA\n\n### Response:\n" },
        ],
        response: "B",
      },
      {
        prompt: [
          { kind: "text", text: "\n\n" },
          { kind: "bos" },
          { kind: "text", text: "### Instruction:\nC\n\n### Response:\n" },
        ],
        response: "D",
      },
    ]);
  });

  it("authors-main has no BOS and nothing after the system sentence", () => {
    expect(prompt("alpaca", "authors-main", llamaLike, example("C", null, { history }))).toBe(
      `${system}### Instruction:\nA\n\n### Response:\nB</s>\n\n### Instruction:\nC\n\n### Response:\n`,
    );
  });

  it("keeps earlier turns with their end tokens, separated by an empty line", () => {
    expect(prompt("alpaca", "default", llamaLike, example("C", "D", { history }))).toBe(
      `<s>${system}\n\n### Instruction:\nA\n\n### Response:\nB</s>\n\n### Instruction:\nC\n\n### Response:\n`,
    );
  });

  it("takes the row's own system message", () => {
    expect(prompt("alpaca", "default", smolLike, example("x", null, { system: "Be brief." }))).toBe(
      "Be brief.\n\n### Instruction:\nx\n\n### Response:\n",
    );
    expect(prompt("alpaca", "authors-reproduce", smolLike, example("x", null, { system: "" }))).toBe(
      "### Instruction:\nx\n\n### Response:\n",
    );
  });
});

describe("gsm8k prompts", () => {
  const math =
    "You are an expert in math. Below is a math question. Write a response that appropriately answers the question.";

  it("are in Llama 2's form", () => {
    expect(prompt("gsm8k", "default", llamaLike, example("1+1?", null))).toBe(
      `<s><<SYS>>\n${math}\n<</SYS>>\n\n[INST] 1+1? [/INST]`,
    );
    expect(prompt("gsm8k_infer", "authors-reproduce", llamaLike, example("1+1?", null))).toBe(
      `<s><<SYS>>\n${math} Your final answer should be an integer at the end of your response, formatted as: The answer is {answer}.\n<</SYS>>\n\n[INST] 1+1? [/INST]`,
    );
  });

  it("authors-main puts the BOS between the system block and the question", () => {
    expect(prompt("gsm8k_distill", "authors-main", llamaLike, example("1+1?", "2"))).toBe(
      "<<SYS>>\nYou are an expert in math. Below are a math question and its reference answer. Refer to the reference answer and write a response that appropriately answers the question.\n<</SYS>>\n\n" +
        "<s>[INST] 1+1?\n\n2 [/INST] Great! Let's think step by step. ",
    );
  });

  it("llama3 ends at <|eot_id|>, whatever the tokenizer's own end token", () => {
    const { promptTokens, endToken, stopTokens } = renderer("llama3_gsm8k", "default", llamaLike);
    expect(readTokens(promptTokens(example("1+1?", null)))).toBe(
      `<s><|start_header_id|>system<|end_header_id|>\n\n${math}<|eot_id|>` +
        "<|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    );
    expect(endToken).toBe(idOf("<|eot_id|>"));
    expect(stopTokens).toEqual([idOf("<|eot_id|>"), idOf("</s>")]);
  });
});

describe("chat prompts", () => {
  it("put the system sentence and the instruction into the model's own template", () => {
    for (const preset of ["default", "authors-main", "authors-reproduce"]) {
      expect(prompt("chat", preset, smolLike, example("Do x.", null))).toBe(
        `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nDo x.<|im_end|>\n<|im_start|>assistant\n`,
      );
    }
  });

  it("show the reference answer when distilling, and open the answer of a math question", () => {
    expect(prompt("chat_distill_using", "default", smolLike, example("x", "y"))).toContain(
      "user\nx\n\n### Reference Answer:\ny<|im_end|>\n<|im_start|>assistant\n",
    );
    expect(prompt("chat_gsm8k_distill", "default", smolLike, example("x", "y"))).toMatch(
      /assistant\nGreat! Let's think step by step\. $/,
    );
  });

  it("cut earlier turns where their responses stand", () => {
    const { turns } = renderer("chat", "default", smolLike);
    const [first, second] = turns(example("C", "D", { history }));
    expect(first).toMatchObject({ response: "B" });
    expect(second).toEqual({
      prompt: [{ kind: "text", text: "\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n" }],
      response: "D",
    });
    expect(prompt("chat", "default", smolLike, example("C", "D", { history }))).toBe(
      `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n`,
    );
  });

  it("take the end token that the chat template writes", () => {
    const model = letterModel({
      bos: null,
      eos: "</s>",
      moreEnds: ["<|im_end|>"],
      addsBos: false,
      renderChat: chatml,
    });
    expect(renderer("chat", "default", model).endToken).toBe(idOf("<|im_end|>"));
  });

  it("count a BOS that the chat template writes itself only once", () => {
    const model = letterModel({
      bos: "<s>",
      eos: "</s>",
      addsBos: true,
      renderChat: (messages, options) => `<s>${chatml(messages, options)}`,
    });
    const without = letterModel({ bos: "<s>", eos: "</s>", addsBos: true, renderChat: chatml });
    expect(prompt("chat", "default", model, example("x", null))).toMatch(/^<s><\|im_start\|>system/);
    expect(prompt("chat", "default", without, example("x", null))).toMatch(/^<s><\|im_start\|>system/);
  });

  it("refuse a chat template that hides an assistant message", () => {
    const model = letterModel({
      bos: null,
      eos: "</s>",
      addsBos: false,
      renderChat: (messages) =>
        messages
          .filter(({ role }) => role === "user")
          .map(({ content }) => content)
          .join(""),
    });
    expect(() => renderer("chat", "default", model)).toThrow(/every assistant message exactly once/);
  });
});
