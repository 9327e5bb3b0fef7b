// Where a context ends and its continuation begins, in tokens: as lm-evaluation-harness 0.4.13 (api/model.py, models/huggingface.py).

import { InputError } from "../../base/error.js";
import { stripTextEnd } from "../../metrics/python-text.js";
import type { PromptTokenizer } from "../../templates/prompt-model.js";

export interface EncodedPair {
  readonly context: Int32Array;
  readonly continuation: Int32Array;
}

/**
 * Trailing white space of the context goes to the continuation. Both are encoded as one text, and the continuation's tokens are those beyond as many
 * as the context alone has; so they may begin inside a token of the whole. An empty context is the model's BOS, or else its end token.
 * `known` is a pair of the same context, which need not be encoded again.
 */
export function encodePair(
  tokenizer: PromptTokenizer,
  context: string,
  continuation: string,
  known: EncodedPair | null = null,
): EncodedPair {
  if (context === "") return afterPrefix(tokenizer, continuation);
  const before = known?.context ?? Int32Array.from(encodeText(tokenizer, stripTextEnd(context)));
  const whole = encodeText(tokenizer, context + continuation);
  return { context: before, continuation: Int32Array.from(whole.slice(before.length)) };
}

/** What the tokenizer adds is added once: not to a text that begins with the BOS written out. */
function encodeText(tokenizer: PromptTokenizer, text: string): number[] {
  const prefix = prefixToken(tokenizer);
  const written = prefix === null ? "" : tokenizer.decode([prefix], { skipSpecial: false });
  return tokenizer.encode(text, { addSpecial: written === "" || !text.startsWith(written) });
}

function afterPrefix(tokenizer: PromptTokenizer, continuation: string): EncodedPair {
  const prefix = prefixToken(tokenizer);
  if (prefix === null) {
    throw new InputError(
      "empty_context",
      "Expected a text before the answers, because this model's tokenizer has neither a BOS nor an end token to stand for it.",
    );
  }
  const tokens = tokenizer.encode(continuation, { addSpecial: false });
  const rest = tokens[0] === prefix ? tokens.slice(1) : tokens;
  return { context: Int32Array.of(prefix), continuation: Int32Array.from(rest) };
}

function prefixToken(tokenizer: PromptTokenizer): number | null {
  return tokenizer.bosId ?? tokenizer.eosId;
}

/** Tokens to score and the first that counts: of what is longer than `longest` (engine's mostScored, as in the harness), the end. */
export function scoredTokens(
  { context, continuation }: EncodedPair,
  place: { readonly id: string; readonly longest: number },
): { readonly tokens: Int32Array; readonly from: number } {
  if (context.length === 0 || continuation.length === 0 || continuation.length >= place.longest) {
    const what = continuation.length >= place.longest ? `${continuation.length} tokens` : "no token of its own";
    throw new InputError(
      "choice_tokens",
      `Expected an answer of 1 to ${place.longest - 1} tokens after a text in row ${place.id} but one has ${context.length === 0 ? "no text before it" : what}.`,
    );
  }
  const tokens = Int32Array.of(...context, ...continuation);
  const cut = Math.max(0, tokens.length - place.longest);
  return { tokens: tokens.slice(cut), from: context.length - cut };
}
