// What can be wrong with an example that is to be trained on, counted with the ids and put into sentences.

/**
 * - `too-long`: over the cut-off; `over-context`: over the model's context.
 * - `no-response`: nothing to learn; `no-trained-token`: every label masked.
 * - `out-of-vocabulary`: a token id that the model has not.
 * - `end-not-trained`: a response without its end token, so the model learns to go on.
 * - `bos`: another beginning than the tokenizer's own rule gives a text.
 * - `empty-response`: only the end token is trained.
 */
export type ProblemKind =
  | "too-long"
  | "over-context"
  | "no-response"
  | "no-trained-token"
  | "out-of-vocabulary"
  | "end-not-trained"
  | "bos"
  | "empty-response";

/** What was done about it. Only `error` stands in the way of training. */
export type ProblemOutcome = "error" | "dropped" | "cut" | "kept";

export interface EncodeProblem {
  readonly kind: ProblemKind;
  readonly outcome: ProblemOutcome;
  readonly ids: readonly string[];
}

/** Groups problems by kind and outcome, in the order in which they first came. */
export class ProblemCollector {
  private readonly groups = new Map<string, { kind: ProblemKind; outcome: ProblemOutcome; ids: string[] }>();

  add(kind: ProblemKind, outcome: ProblemOutcome, id: string): void {
    const key = `${kind} ${outcome}`;
    const group = this.groups.get(key) ?? { kind, outcome, ids: [] };
    group.ids.push(id);
    this.groups.set(key, group);
  }

  all(): EncodeProblem[] {
    return [...this.groups.values()];
  }
}

const meanings = {
  "too-long":
    "longer than the cut-off: raise it with --cutoff-len, or choose --long-examples drop or cut (train.long_examples in an experiment)",
  "over-context":
    "longer than the model's context: choose --long-examples drop or cut (train.long_examples in an experiment)",
  "no-response":
    "without a response: remove them, or choose --long-examples drop (train.long_examples in an experiment)",
  "no-trained-token":
    "without a token to train: remove them, or choose --long-examples drop (train.long_examples in an experiment)",
  "out-of-vocabulary": "with a token id that this model does not have: were they tokenised for another model?",
  "end-not-trained": "with a response whose end token is not trained, so that the model learns to go on",
  bos: "that begin otherwise than this model's tokenizer begins a text (its BOS is missing, doubled or not its own)",
  "empty-response": "with an empty response, so that only the end token is trained",
} as const satisfies Record<ProblemKind, string>;

const outcomes = {
  error: "",
  dropped: " (left out)",
  cut: " (cut)",
  kept: " (kept as they are)",
} as const satisfies Record<ProblemOutcome, string>;

/** One sentence: how many examples, what about them, what was done, and the first ids. */
export function describeProblem({ kind, outcome, ids }: EncodeProblem): string {
  const examples = ids.length === 1 ? "1 example" : `${ids.length} examples`;
  const shown = ids.slice(0, 5).join(", ") + (ids.length > 5 ? ", …" : "");
  return `${examples} ${meanings[kind]}${outcomes[outcome]}; id ${shown}.`;
}
