// Examples → tokens with a loss mask. Prompts are masked, responses and the end token after each are trained, and nothing is cut,
// dropped or left untrained without being counted: the report is to be read (`expectTrainable`) before training starts.

import { InputError } from "../base/error.js";
import type { Example, TextExample, TokenExample } from "../data/example.js";
import type { PromptRenderer, TokenRules } from "../templates/render.js";
import { labelledTokens, type TrainSequence } from "./batches.js";
import { describeProblem, type EncodeProblem, ProblemCollector, type ProblemKind } from "./encode-problems.js";

/** The label of a token without loss. */
const ignoredLabel = -100;

/**
 * What becomes of an example that is too long or has nothing to train: it is an error, or left out. With `cut` a long one
 * loses its last tokens, the end token among them, because a model should not learn to stop where a text was cut.
 */
export type FaultPolicy = "error" | "drop" | "cut";

export interface EncodeOptions {
  /** Most tokens of an example. */
  readonly cutoff: number;
  /** The model's context. */
  readonly maxPositions: number;
  /** Ids from here on are not the model's. */
  readonly vocabSize: number;
  readonly policy: FaultPolicy;
}

export interface EncodeReport {
  readonly examples: number;
  /** Examples to train on. */
  readonly kept: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  /** Tokens of the longest kept example. */
  readonly longest: number;
  /** Rows of tokens whose beginning and end could not be checked, because the model has no tokenizer. */
  readonly unchecked: number;
  readonly problems: readonly EncodeProblem[];
}

export interface EncodedExamples {
  readonly sequences: readonly TrainSequence[];
  readonly report: EncodeReport;
}

/** `renderer` is null for a model without a tokenizer, which takes rows of tokens only. */
export function encodeExamples(
  examples: readonly Example[],
  renderer: PromptRenderer | null,
  options: EncodeOptions,
): EncodedExamples {
  const problems = new ProblemCollector();
  const sequences = examples.flatMap((example) => {
    const draft = example.kind === "text" ? encodeText(example, renderer) : copyTokens(example);
    return finishDraft(draft, renderer?.tokenRules ?? null, options, problems) ?? [];
  });
  const trainedTokens = sequences.reduce((sum, sequence) => sum + labelledTokens(sequence), 0);
  const report: EncodeReport = {
    examples: examples.length,
    kept: sequences.length,
    tokens: sequences.reduce((sum, { tokens }) => sum + tokens.length, 0),
    trainedTokens,
    longest: sequences.reduce((most, { tokens }) => Math.max(most, tokens.length), 0),
    unchecked: renderer === null ? sequences.length : 0,
    problems: problems.all(),
  };
  return { sequences, report };
}

/** Throws where the report holds an error; the message names every kind of fault. */
export function expectTrainable(report: EncodeReport): void {
  const errors = report.problems.filter((problem) => problem.outcome === "error");
  if (errors.length > 0) throw new InputError("untrainable_examples", errors.map(describeProblem).join(" "));
  if (report.kept === 0) {
    const why = report.problems.map(describeProblem);
    throw new InputError(
      "empty_data",
      ["Expected at least one example to train on but none is left.", ...why].join(" "),
    );
  }
}

/** Tokens and labels before any check; `faults` is what encoding itself noticed. */
interface Draft {
  readonly id: string;
  readonly tokens: readonly number[];
  readonly labels: readonly number[];
  readonly faults: readonly ProblemKind[];
}

function encodeText(example: TextExample, renderer: PromptRenderer | null): Draft {
  if (renderer === null) {
    throw new InputError(
      "missing_tokenizer",
      `Row ${example.id} is text, but this model has no tokenizer: give rows of tokens (input_ids and labels).`,
    );
  }
  if (example.response === null) return { id: example.id, tokens: [], labels: [], faults: ["no-response"] };
  const tokens: number[] = [];
  const labels: number[] = [];
  const faults: ProblemKind[] = [];
  for (const { prompt, response } of renderer.turns(example)) {
    const masked = renderer.pieceTokens(prompt);
    const trained = renderer.pieceTokens([{ kind: "text", text: response ?? "" }, { kind: "end" }]);
    if (response === "") faults.push("empty-response");
    for (const token of masked) {
      tokens.push(token);
      labels.push(ignoredLabel);
    }
    for (const token of trained) {
      tokens.push(token);
      labels.push(token);
    }
  }
  return { id: example.id, tokens, labels, faults };
}

/** Without labels every token is trained, as in transformers. */
function copyTokens({ id, tokens, labels }: TokenExample): Draft {
  if (labels !== null && labels.length !== tokens.length) {
    throw new InputError(
      "label_count",
      `Expected as many labels as tokens in row ${id} but received ${labels.length} and ${tokens.length}.`,
    );
  }
  return { id, tokens, labels: labels ?? tokens, faults: [] };
}

/** Null where the example is not trained on. Every fault goes to `problems`. */
function finishDraft(
  draft: Draft,
  rules: TokenRules | null,
  options: EncodeOptions,
  problems: ProblemCollector,
): TrainSequence | null {
  const leaveOut = (kind: ProblemKind): null => {
    problems.add(kind, options.policy === "error" ? "error" : "dropped", draft.id);
    return null;
  };
  if (draft.faults.includes("no-response")) return leaveOut("no-response");
  if (draft.tokens.some((token) => token < 0 || token >= options.vocabSize)) {
    problems.add("out-of-vocabulary", "error", draft.id);
    return null;
  }
  const limit = Math.min(options.cutoff, options.maxPositions);
  const tooLong = draft.tokens.length > options.maxPositions ? "over-context" : "too-long";
  const isCut = draft.tokens.length > limit;
  if (isCut && options.policy !== "cut") return leaveOut(tooLong);
  const sequence: TrainSequence = {
    id: draft.id,
    tokens: Int32Array.from(draft.tokens.slice(0, limit)),
    labels: Int32Array.from(draft.labels.slice(0, limit)),
  };
  if (labelledTokens(sequence) === 0) return leaveOut(isCut ? tooLong : "no-trained-token");
  if (isCut) problems.add(tooLong, "cut", draft.id);
  for (const kind of new Set([...draft.faults, ...ruleFaults(sequence, rules)])) problems.add(kind, "kept", draft.id);
  return sequence;
}

function ruleFaults(sequence: TrainSequence, rules: TokenRules | null): ProblemKind[] {
  if (rules === null) return [];
  const faults: ProblemKind[] = [];
  if (!beginsByRule(sequence.tokens, rules)) faults.push("bos");
  if (!trainsEveryEnd(sequence, rules)) faults.push("end-not-trained");
  return faults;
}

function beginsByRule([first, second]: Int32Array, { bosId, bosFirst }: TokenRules): boolean {
  if (bosId === null) return true;
  if (first === bosId && second === bosId) return false;
  return bosFirst === null || bosFirst === (first === bosId);
}

/** Each run of trained tokens is a response, and holds an end token (some trainers train a line feed after it). */
function trainsEveryEnd({ tokens, labels }: TrainSequence, { endTokens }: TokenRules): boolean {
  let inRun = false;
  let ended = true;
  for (const [index, token] of tokens.entries()) {
    const trained = labels[index] !== ignoredLabel;
    if (trained && !inRun) ended = false;
    if (!trained && inRun && !ended) return false;
    if (trained && endTokens.includes(token)) ended = true;
    inRun = trained;
  }
  return ended;
}
