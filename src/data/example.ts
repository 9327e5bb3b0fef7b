// One training or evaluation example, whatever file it came from. The id travels from the data row to the last table.

/** An earlier exchange of a conversation. */
export interface Turn {
  readonly user: string;
  readonly assistant: string;
}

/** A row after its columns were read. Texts are untouched; templates do all the joining. */
export interface TextExample {
  readonly kind: "text";
  /** The row's `id` as a string, or else its zero-based index in the source file. */
  readonly id: string;
  /** The instruction; an `input` column is already appended after a line feed (PROTOCOL §2). */
  readonly instruction: string;
  /** The reference answer; null where the source has none. */
  readonly response: string | null;
  /** Earlier turns, oldest first (LIMA). */
  readonly history: readonly Turn[];
  /** A system message that came with the row and replaces the template's; null for the template's own. */
  readonly system: string | null;
  /** How the answer begins, where the prompt gives its beginning (HumanEval). */
  readonly opening?: string;
  /** The row as read, for tasks that need columns of their own. */
  readonly row: Readonly<Record<string, unknown>>;
}

/** A row that was tokenised elsewhere: Hugging Face's `input_ids` and `labels` (-100: no loss). */
export interface TokenExample {
  readonly kind: "tokens";
  readonly id: string;
  readonly tokens: readonly number[];
  /** Same length as tokens, not shifted; null where the row had no `labels`. */
  readonly labels: readonly number[] | null;
}

export type Example = TextExample | TokenExample;
