// What a template is: the words around an instruction. How its parts are joined is the preset's affair (presets.ts, render.ts).

/** Which part of the work a template of a group serves; `gcg` adds the jailbreak suffix. */
export type TemplateRole = "plain" | "infer" | "distill" | "distill_using" | "distill_refer" | "gcg";

/**
 * - `alpaca`: a system sentence, then `### Instruction:` marks.
 * - `llama2`: a `<<SYS>>` block, then `[INST] … [/INST]`.
 * - `llama3`: header blocks.
 * - `chat`: the model's own chat template around a system and a user message.
 */
export type TemplateStyle = "alpaca" | "llama2" | "llama3" | "chat";

export interface Template {
  readonly name: string;
  readonly style: TemplateStyle;
  readonly role: TemplateRole;
  /** The system sentence; empty for none. A row's own system message replaces it. */
  readonly system: string;
  /** One turn of the user, with the places `{instruction}` and, for distilling, `{response}`; `{opening}` is the example's own beginning of its answer. */
  readonly user: string;
  /** `chat` only: words that open the assistant's answer and belong to the prompt, with the place `{opening}`. */
  readonly prefill: string;
}

/** How the parts of a style fit together, apart from the preset. */
export interface StyleRules {
  /** The system block, with the place `{system}`. */
  readonly systemBlock: string;
  /** Between the system block and the first turn. */
  readonly afterSystem: string;
  /** Between a response and the next turn. */
  readonly separator: string;
  /** The token that ends a response; null for the tokenizer's own end token. */
  readonly endToken: string | null;
}

/** The styles that are written out here; `chat` is written by the model's chat template. */
export const styleRules = {
  alpaca: { systemBlock: "{system}", afterSystem: "\n\n", separator: "\n\n", endToken: null },
  llama2: { systemBlock: "<<SYS>>\n{system}\n<</SYS>>\n\n", afterSystem: "", separator: "", endToken: null },
  llama3: {
    systemBlock: "<|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>",
    afterSystem: "",
    separator: "",
    endToken: "<|eot_id|>",
  },
} as const satisfies Record<Exclude<TemplateStyle, "chat">, StyleRules>;

/** Puts the values into their places in one pass: braces inside a value stay as they are. */
export function fillPlaces(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{([a-z]+)\}/g, (place, name: string) => values[name] ?? place);
}
