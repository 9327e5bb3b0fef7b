// Which template serves which stage: by the task's kind of question, the model's family and the preset.

import type { DistillKind } from "./presets.js";
import { expectTemplateName, type TemplateName, templates } from "./registry.js";
import type { Template } from "./template.js";

/** `alpaca`: Llama 2 and models without a chat template of their own; `llama3`: its header form; `chat`: all others. */
export type TemplateFamily = "alpaca" | "llama3" | "chat";

export interface TemplateSet {
  readonly train: TemplateName;
  readonly infer: TemplateName;
  readonly distill: Readonly<Record<DistillKind, TemplateName>>;
}

export type TemplateSets = Readonly<Record<TemplateFamily, TemplateSet>>;

const alpaca = {
  train: "alpaca",
  infer: "alpaca",
  distill: { using: "alpaca_distill_using", refer: "alpaca_distill_refer" },
} as const satisfies TemplateSet;
const chat = {
  train: "chat",
  infer: "chat",
  distill: { using: "chat_distill_using", refer: "chat_distill_refer" },
} as const satisfies TemplateSet;

/** Ordinary instructions. */
export const instructionTemplates = { alpaca, llama3: alpaca, chat } as const satisfies TemplateSets;

/** Instructions with the jailbreak suffix at evaluation. */
export const jailbreakTemplates = {
  alpaca: { ...alpaca, infer: "alpaca_gcg" },
  llama3: { ...alpaca, infer: "alpaca_gcg" },
  chat: { ...chat, infer: "chat_gcg" },
} as const satisfies TemplateSets;

/** Programs to complete: the answer begins with the example's opening. */
export const codeTemplates = {
  alpaca: { ...alpaca, infer: "humaneval" },
  llama3: { ...alpaca, infer: "humaneval" },
  chat: { ...chat, infer: "chat_humaneval" },
} as const satisfies TemplateSets;

/** Mathematical questions: one distillation template of their own, whatever the preset. */
export const mathTemplates = {
  alpaca: { train: "gsm8k", infer: "gsm8k_infer", distill: { using: "gsm8k_distill", refer: "gsm8k_distill" } },
  llama3: {
    train: "llama3_gsm8k",
    infer: "llama3_gsm8k_infer",
    distill: { using: "llama3_gsm8k_distill", refer: "llama3_gsm8k_distill" },
  },
  chat: {
    train: "chat_gsm8k",
    infer: "chat_gsm8k_infer",
    distill: { using: "chat_gsm8k_distill", refer: "chat_gsm8k_distill" },
  },
} as const satisfies TemplateSets;

export interface StageTemplates {
  readonly train: Template;
  readonly infer: Template;
  readonly distill: Template;
}

export interface TemplateWish {
  /** The task's own sets. */
  readonly sets: TemplateSets;
  /** `alpaca` or `chat` name a family, of which the task takes its members; any other name is that very template; null lets the model decide. */
  readonly template: string | null;
  /** The preset's, or the user's own (distill-file.ts). */
  readonly distill: DistillKind | Template;
  /** The model's chat template, or null. */
  readonly chatTemplate: string | null;
}

export function chooseTemplates(wish: TemplateWish): StageTemplates {
  const set = chooseSet(wish);
  return {
    train: templates[set.train],
    infer: templates[set.infer],
    distill: typeof wish.distill === "string" ? templates[set.distill[wish.distill]] : wish.distill,
  };
}

/** Read off the marks in the model's own chat template. */
export function detectFamily(chatTemplate: string | null): TemplateFamily {
  if (chatTemplate === null || chatTemplate.includes("<<SYS>>")) return "alpaca";
  return chatTemplate.includes("<|start_header_id|>") ? "llama3" : "chat";
}

function chooseSet({ sets, template, chatTemplate }: TemplateWish): TemplateSet {
  const family = detectFamily(chatTemplate);
  if (template === null) return sets[family];
  if (template === "chat") return sets.chat;
  if (template === "alpaca") return sets[family === "llama3" ? "llama3" : "alpaca"];
  return exactSet(expectTemplateName(template));
}

/** The very template for training and predicting, except that a math template brings its two companions. */
function exactSet(name: TemplateName): TemplateSet {
  const math = Object.values(mathTemplates).find((set) => set.train === name);
  if (math !== undefined) return math;
  return { ...(templates[name].style === "chat" ? chat : alpaca), train: name, infer: name };
}
