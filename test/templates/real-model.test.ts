// Templates and encoding on the default model's own tokenizer and chat template.

import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { createChatModel } from "../../src/models/chat-template.js";
import { openModelFiles } from "../../src/models/package.js";
import { chooseTemplates, instructionTemplates } from "../../src/templates/choose.js";
import { getPreset } from "../../src/templates/presets.js";
import { createPromptRenderer } from "../../src/templates/render.js";
import { encodeExamples } from "../../src/train/encode.js";
import { inspectTokens } from "../../src/train/inspect.js";
import { defaultModel } from "../models/real-models.js";

const path = defaultModel();
const opened = path === null ? null : await openModelFiles(path);
const model = opened?.tokenizer == null ? null : createChatModel(opened.tokenizer);

const system =
  "Below is an instruction that describes a task. Write a response that appropriately completes the request.";
const example: TextExample = {
  kind: "text",
  id: "0",
  instruction: "Now in French?",
  response: "Bonjour, ça va ?",
  history: [{ user: "Say hello.", assistant: "Hello!" }],
  system: null,
  row: {},
};
const options = { cutoff: 1024, maxPositions: 2048, vocabSize: 49152, policy: "error" } as const;

describe.skipIf(model === null)("SmolLM2's own chat template", () => {
  it("is chosen, and a conversation is read as the template writes it, each answer trained up to <|im_end|>", () => {
    if (model === null) return;
    const { tokenizer } = model;
    const { train } = chooseTemplates({
      sets: instructionTemplates,
      template: null,
      distill: "using",
      chatTemplate: model.chatTemplate,
    });
    expect(train.name).toBe("chat");
    const { sequences, report } = encodeExamples(
      [example],
      createPromptRenderer(train, getPreset("default"), model),
      options,
    );
    expect(report.problems).toEqual([]);
    const [sequence] = sequences;
    if (sequence === undefined) throw new Error("expected a sequence");
    const rendered = model.renderChat(
      [
        { role: "system", content: system },
        { role: "user", content: "Say hello." },
        { role: "assistant", content: "Hello!" },
        { role: "user", content: "Now in French?" },
        { role: "assistant", content: "Bonjour, ça va ?" },
      ],
      { addGenerationPrompt: false },
    );
    expect(`${tokenizer.decode(sequence.tokens)}\n`).toBe(rendered);
    const inspected = inspectTokens(sequence, tokenizer);
    expect(inspected.map(({ text }) => text).join("")).toContain(
      "Now in French?<|im_end|>\n<|im_start|>assistant\nBonjour,",
    );
    expect(tokenizer.decode(inspected.filter(({ trained }) => trained).map(({ id }) => id))).toBe(
      "Hello!<|im_end|>Bonjour, ça va ?<|im_end|>",
    );
  });

  it("leaves the alpaca form without a BOS, and ends it with the same token", () => {
    if (model === null) return;
    const { train } = chooseTemplates({
      sets: instructionTemplates,
      template: "alpaca",
      distill: "using",
      chatTemplate: model.chatTemplate,
    });
    for (const preset of ["default", "authors-main", "authors-reproduce"]) {
      const renderer = createPromptRenderer(train, getPreset(preset), model);
      const { sequences, report } = encodeExamples([{ ...example, history: [] }], renderer, options);
      expect(report.problems).toEqual([]);
      const gap = preset === "authors-main" ? "" : "\n\n";
      expect(model.tokenizer.decode(sequences[0]?.tokens ?? [])).toBe(
        `${system}${gap}### Instruction:\nNow in French?\n\n### Response:\nBonjour, ça va ?<|im_end|>`,
      );
    }
  });
});
