// Turns an example into the pieces of a prompt, and pieces into token ids.
// Prompt and response are never tokenised together, so a response's first token never depends on the prompt's last letter.

import { InputError } from "../base/error.js";
import type { TextExample } from "../data/example.js";
import { chatEndToken, chatPrompts } from "./chat-pieces.js";
import type { Preset } from "./presets.js";
import type { PromptModel } from "./prompt-model.js";
import { fillPlaces, type StyleRules, styleRules, type Template, type TemplateStyle } from "./template.js";

/** `bos` counts only where the model's tokenizer adds one; `end` is the token that ends a response. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bos" }
  | { readonly kind: "end" };

/** One exchange: what the model reads, and what it is to answer (null: nothing known, a prompt to generate from). */
export interface RenderedTurn {
  readonly prompt: readonly Piece[];
  readonly response: string | null;
}

/** A template joined by a preset for one model. */
export interface PromptRenderer {
  readonly template: Template;
  /** Appended to every response, and trained. */
  readonly endToken: number;
  /** Every token at which a generation ends. */
  readonly stopTokens: readonly number[];
  /** The exchanges in order; the last one carries the example's own response. */
  turns(example: TextExample): RenderedTurn[];
  /** All that comes before the last response, earlier responses and their end tokens included. */
  promptPieces(example: TextExample): Piece[];
  promptTokens(example: TextExample): number[];
  /** For people to read: the texts alone, special tokens between them left out. */
  promptText(example: TextExample): string;
  pieceTokens(pieces: readonly Piece[]): number[];
  /** What rows that were tokenised elsewhere are checked against. */
  readonly tokenRules: TokenRules;
}

/** How a training sequence of this model begins and how its responses end. */
export interface TokenRules {
  readonly bosId: number | null;
  /** Begins with one BOS (true) or with none (false); null: either is right, as where the BOS also opens a chat message. */
  readonly bosFirst: boolean | null;
  readonly endTokens: readonly number[];
}

export function createPromptRenderer(template: Template, preset: Preset, model: PromptModel): PromptRenderer {
  const endToken = findEndToken(template, model);
  const turns = (example: TextExample): RenderedTurn[] => renderTurns(example, template, preset, model, endToken);
  const promptPieces = (example: TextExample): Piece[] => joinTurns(turns(example));
  const pieceTokens = (pieces: readonly Piece[]): number[] => tokenisePieces(pieces, model, endToken);
  const stopTokens = [...new Set([endToken, ...model.tokenizer.eosIds])];
  return {
    template,
    endToken,
    stopTokens,
    tokenRules: { bosId: model.tokenizer.bosId, bosFirst: bosFirst(model), endTokens: stopTokens },
    turns,
    promptPieces,
    promptTokens: (example) => pieceTokens(promptPieces(example)),
    promptText: (example) => piecesText(promptPieces(example)),
    pieceTokens,
  };
}

/** The texts of the pieces one after the other. */
export function piecesText(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join("");
}

function renderTurns(
  example: TextExample,
  template: Template,
  preset: Preset,
  model: PromptModel,
  endToken: number,
): RenderedTurn[] {
  const system = example.system ?? template.system;
  const opening = example.opening ?? "";
  const exchanges = [
    ...example.history.map((turn) => ({ user: turn.user, response: turn.assistant as string | null })),
    { user: example.instruction, response: example.response },
  ];
  const users = exchanges.map(({ user, response }) => userText(template, example, user, response));
  const { style } = template;
  const prompts =
    style === "chat"
      ? chatPrompts({ system, users, prefill: fillPlaces(template.prefill, { opening }), model, endToken }).map(
          withBosFirst,
        )
      : users.map((user, index) => joinParts(index, system, user, style, preset));
  return exchanges.map(({ response }, index) => ({ prompt: prompts[index] ?? [], response }));
}

/** An earlier turn is shown with its own response as the reference, as in the authors' code. */
function userText(template: Template, example: TextExample, instruction: string, response: string | null): string {
  const { id, opening = "" } = example;
  if (response === null && template.user.includes("{response}")) {
    throw new InputError(
      "missing_response",
      `Template "${template.name}" shows the reference answer, but row ${id} has none: give the row a response or use another template.`,
    );
  }
  return fillPlaces(template.user, { instruction, response: response ?? "", opening });
}

const bos: Piece = { kind: "bos" };
const text = (value: string): Piece => ({ kind: "text", text: value });

function withBosFirst(prompt: string, index: number): Piece[] {
  return index === 0 ? [bos, text(prompt)] : [text(prompt)];
}

/** The joining of PROTOCOL §2 for one turn of a style that is written out here. */
function joinParts(
  index: number,
  system: string,
  user: string,
  style: Exclude<TemplateStyle, "chat">,
  preset: Preset,
): Piece[] {
  const rules: StyleRules = styleRules[style];
  const first = index === 0;
  const block = system === "" ? "" : fillPlaces(rules.systemBlock, { system });
  const before = first ? (block === "" ? "" : rules.afterSystem) : rules.separator;
  switch (preset.joining) {
    case "whole":
      return first ? [bos, text(block + before + user)] : [text(before + user)];
    case "authors-reproduce":
      if (first) return withoutEmpty([bos, text(block), text(before), text(user)]);
      return withoutEmpty(style === "llama3" ? [text(user)] : [text(before), bos, text(user)]);
    case "authors-main":
      return withoutEmpty(joinAsMain(first, block, user, style, rules));
  }
}

/** No BOS and nothing after the system sentence for `alpaca`; `llama2` has a BOS before every turn, after the system block. */
function joinAsMain(
  first: boolean,
  block: string,
  user: string,
  style: Exclude<TemplateStyle, "chat">,
  rules: StyleRules,
): Piece[] {
  switch (style) {
    case "alpaca":
      return first ? [text(block), text(user)] : [text(rules.separator), text(user)];
    case "llama2":
      return first ? [text(block), bos, text(user)] : [bos, text(user)];
    case "llama3":
      return first ? [bos, text(block), text(user)] : [text(user)];
  }
}

function withoutEmpty(pieces: readonly Piece[]): Piece[] {
  return pieces.filter((piece) => piece.kind !== "text" || piece.text !== "");
}

function joinTurns(turns: readonly RenderedTurn[]): Piece[] {
  return turns.flatMap(({ prompt, response }, index) =>
    index === turns.length - 1 ? [...prompt] : [...prompt, text(response ?? ""), { kind: "end" as const }],
  );
}

function tokenisePieces(pieces: readonly Piece[], model: PromptModel, endToken: number): number[] {
  const { tokenizer } = model;
  const ids: number[] = [];
  let justAddedBos = false;
  for (const piece of pieces) {
    const adds = piece.kind === "bos" && tokenizer.addsBos && tokenizer.bosId !== null;
    if (adds && tokenizer.bosId !== null) ids.push(tokenizer.bosId);
    if (piece.kind === "end") ids.push(endToken);
    if (piece.kind === "text" && piece.text !== "") {
      const textIds = tokenizer.encode(piece.text, { addSpecial: false });
      // A chat template may write the BOS itself: it counts once.
      const repeated = justAddedBos && textIds[0] === tokenizer.bosId;
      for (const id of repeated ? textIds.slice(1) : textIds) ids.push(id);
    }
    justAddedBos = adds;
  }
  return ids;
}

function bosFirst(model: PromptModel): boolean | null {
  const { tokenizer, chatTemplate } = model;
  if (tokenizer.addsBos) return true;
  if (chatTemplate === null) return false;
  const chat = model.renderChat([{ role: "user", content: "Hi" }], { addGenerationPrompt: true });
  return tokenizer.encode(chat, { addSpecial: false })[0] === tokenizer.bosId ? null : false;
}

function findEndToken(template: Template, model: PromptModel): number {
  if (template.style === "chat") return chatEndToken(model);
  const name = styleRules[template.style].endToken;
  const { tokenizer } = model;
  if (name !== null) {
    const [id, ...rest] = tokenizer.encode(name, { addSpecial: false });
    if (id === undefined || rest.length > 0) {
      throw new InputError(
        "missing_end_token",
        `Template "${template.name}" ends a response with ${name}, which is no single token of this model: use a template of the chat family.`,
      );
    }
    return id;
  }
  if (tokenizer.eosId === null) {
    throw new InputError(
      "missing_end_token",
      "This model's tokenizer names no end token, so a response could not be ended.",
    );
  }
  return tokenizer.eosId;
}
