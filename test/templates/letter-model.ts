// A complete small tokenizer for tests: one token a code point, and special tokens recognised inside a text, as transformers does.
// Ids: specials from 1 on, other code points from 1000 on, so every sequence can be read back.

import type { ChatMessage, PromptModel } from "../../src/templates/prompt-model.js";

export const specialTokens = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|eot_id|>"] as const;
export type SpecialToken = (typeof specialTokens)[number];

export const idOf = (token: SpecialToken): number => specialTokens.indexOf(token) + 1;

interface LetterModelOptions {
  readonly bos: SpecialToken | null;
  readonly eos: SpecialToken;
  readonly moreEnds?: readonly SpecialToken[];
  readonly addsBos: boolean;
  readonly renderChat?: PromptModel["renderChat"];
}

const noChat: PromptModel["renderChat"] = () => {
  throw new Error("no chat template");
};

export function letterModel(options: LetterModelOptions): PromptModel {
  const eosId = idOf(options.eos);
  const encodeText = (text: string): number[] => {
    const pattern = /<s>|<\/s>|<\|im_start\|>|<\|im_end\|>|<\|eot_id\|>|./gsu;
    return [...text.matchAll(pattern)].map(([part]) => {
      const special = specialTokens.indexOf(part as SpecialToken);
      return special >= 0 ? special + 1 : 1000 + (part.codePointAt(0) ?? 0);
    });
  };
  const bosId = options.bos === null ? null : idOf(options.bos);
  return {
    tokenizer: {
      bosId,
      eosId,
      eosIds: [eosId, ...(options.moreEnds ?? []).map(idOf)],
      addsBos: options.addsBos,
      encode: (text, { addSpecial = true } = {}) =>
        addSpecial && options.addsBos && bosId !== null ? [bosId, ...encodeText(text)] : encodeText(text),
      decode: (ids, { skipSpecial = true } = {}) => ids.map((id) => tokenText(id, skipSpecial)).join(""),
    },
    chatTemplate: options.renderChat === undefined ? null : "…",
    renderChat: options.renderChat ?? noChat,
  };
}

/** The tokens in words: special tokens as they are written. */
export function readTokens(ids: readonly number[]): string {
  return ids.map((id) => tokenText(id, false)).join("");
}

function tokenText(id: number, skipSpecial: boolean): string {
  if (id >= 1000) return String.fromCodePoint(id - 1000);
  return skipSpecial ? "" : (specialTokens[id - 1] ?? "");
}

/** Llama 2's rules: a BOS before every text. */
export const llamaLike = letterModel({ bos: "<s>", eos: "</s>", moreEnds: ["<|eot_id|>"], addsBos: true });

/** SmolLM2's rules and chat template: a BOS id that is never added. */
export const chatml: PromptModel["renderChat"] = (messages: readonly ChatMessage[], { addGenerationPrompt }) =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join("") +
  (addGenerationPrompt ? "<|im_start|>assistant\n" : "");

export const smolLike = letterModel({ bos: "<|im_start|>", eos: "<|im_end|>", addsBos: false, renderChat: chatml });
