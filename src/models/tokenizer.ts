// One tokenizer interface over @huggingface/tokenizers, whatever the vocabulary came from (tokenizer.json, or a GGUF's metadata).

import { Tokenizer as Library } from "@huggingface/tokenizers";
import { InputError } from "../base/error.js";
import { spellOutSplit } from "./byte-level-split.js";
import { expectWords } from "./longest-word.js";
import { packTokenBytes, type TokenBytes, type TokenSpelling, tokenSpelling } from "./token-bytes.js";

export interface EncodeOptions {
  /** Add what the tokenizer itself puts around a text (a BOS, for some). Default true, as in transformers. */
  readonly addSpecial?: boolean;
  /** Cuts the text to so many tokens, the special ones counted. */
  readonly maxTokens?: number;
}

export interface DecodeOptions {
  /** Leave out special tokens. Default false. */
  readonly skipSpecial?: boolean;
}

export interface Tokenizer {
  readonly bosId: number | null;
  readonly eosId: number | null;
  /** Every token that ends an answer; eosId is among them. */
  readonly eosIds: readonly number[];
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  /** Whether encode puts bosId first. SmolLM2 and Qwen have a BOS and add none. */
  readonly addsBos: boolean;
  /** One more than the largest id. A model's own vocabulary may be padded beyond it. */
  readonly vocabSize: number;
  /** Jinja source of the chat template, or null. */
  readonly chatTemplate: string | null;
  /** Special tokens written out in the text become their ids, as in transformers. Throws InputError("word_length") for what is no text of words. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Ids beyond the vocabulary decode to nothing. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** The token's own string (`Ġhello`), or null for an unused id. */
  tokenString(id: number): string | null;
  /** Id of a token's own string, or null. */
  tokenId(token: string): number | null;
  isSpecial(id: number): boolean;
  /** The bytes each of `vocabSize` tokens stands for in a text; for stop strings. Ids without a token have none. */
  tokenBytes(vocabSize?: number): TokenBytes;
}

/** What the files beside a vocabulary say. */
export interface TokenizerFacts {
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  /** End tokens by id that a generation configuration names. */
  readonly endIds: readonly number[];
  /** Overrides the post-processor of tokenizer.json; null leaves it. */
  readonly addBos: boolean | null;
  readonly addEos: boolean | null;
  readonly chatTemplate: string | null;
}

/** End tokens of common chat formats; one of these, where the vocabulary has it as a special token, always ends an answer. */
const KNOWN_END_TOKENS = [
  "<|im_end|>",
  "<|eot_id|>",
  "<|end_of_text|>",
  "<|endoftext|>",
  "<|end|>",
  "<|eom_id|>",
  "<end_of_turn>",
  "<eos>",
];

/**
 * A tokenizer from the parsed content of a tokenizer.json (`source` is for messages). `vocabulary` stands in for an empty model.vocab:
 * a list by id, which spares the library 0.7 s on an object of 150,000 keys.
 */
export function createTokenizer(
  source: string,
  json: object,
  facts: TokenizerFacts,
  vocabulary: readonly string[] | null = null,
): Tokenizer {
  let library: Library;
  try {
    // Never "clean up" spaces before punctuation: it changes texts, code above all, and BPE needs none of it.
    library = new Library(spellOutSplit(json), { clean_up_tokenization_spaces: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError("tokenizer", `The tokenizer of ${source} can't be used: ${reason}.`, { cause: error });
  }
  if (vocabulary !== null) fillVocabulary(library, vocabulary);
  return new LibraryTokenizer(source, library, tokenSpelling(json), facts);
}

/** Where a token stands twice, its first id counts. */
function fillVocabulary({ model }: Library, vocabulary: readonly string[]): void {
  if (model === null) return;
  model.vocab = [...vocabulary];
  model.tokens_to_ids = new Map(vocabulary.map((token, id): [string, number] => [token, id]).reverse());
  const unknown = model.unk_token === undefined ? undefined : model.tokens_to_ids.get(model.unk_token);
  if (unknown !== undefined) model.unk_token_id = unknown;
}

class LibraryTokenizer implements Tokenizer {
  readonly bosId: number | null;
  readonly eosId: number | null;
  readonly eosIds: readonly number[];
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  readonly addsBos: boolean;
  readonly vocabSize: number;
  readonly chatTemplate: string | null;
  private readonly library: Library;
  private readonly spelling: TokenSpelling;
  private readonly specialIds: ReadonlySet<number>;
  private readonly addedIds: ReadonlySet<number>;
  /** What encode puts before and after a text. */
  private readonly prefix: readonly number[];
  private readonly suffix: readonly number[];

  constructor(source: string, library: Library, spelling: TokenSpelling, facts: TokenizerFacts) {
    this.library = library;
    this.spelling = spelling;
    const added = [...library.get_added_tokens_decoder()];
    this.addedIds = new Set(added.map(([id]) => id));
    this.specialIds = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
    this.vocabSize = library.model?.vocab.length ?? 0;
    this.bosToken = facts.bosToken;
    this.eosToken = facts.eosToken;
    this.bosId = this.requireToken(source, "BOS", facts.bosToken);
    this.eosId = this.requireToken(source, "EOS", facts.eosToken);
    this.eosIds = this.endTokens(facts);
    this.chatTemplate = facts.chatTemplate;
    const around = this.surroundings();
    this.prefix = override(facts.addBos, this.bosId, around.prefix);
    this.suffix = override(facts.addEos, this.eosId, around.suffix);
    this.addsBos = this.bosId !== null && this.prefix.includes(this.bosId);
  }

  encode(text: string, { addSpecial = true, maxTokens }: EncodeOptions = {}): number[] {
    expectWords(text);
    const ids: number[] = this.library.encode(text, { add_special_tokens: false }).ids;
    const [prefix, suffix] = addSpecial ? [this.prefix, this.suffix] : [[], []];
    const room = maxTokens === undefined ? ids.length : Math.max(0, maxTokens - prefix.length - suffix.length);
    return [...prefix, ...ids.slice(0, room), ...suffix];
  }

  decode(ids: ArrayLike<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    const known = Array.from(ids).filter(
      (id) => this.tokenString(id) !== null && !(skipSpecial && this.specialIds.has(id)),
    );
    return known.length === 0 ? "" : this.library.decode(known);
  }

  tokenString(id: number): string | null {
    return this.library.id_to_token(id) ?? null;
  }

  tokenId(token: string): number | null {
    return this.library.token_to_id(token) ?? null;
  }

  isSpecial(id: number): boolean {
    return this.specialIds.has(id);
  }

  tokenBytes(vocabSize: number = this.vocabSize): TokenBytes {
    return packTokenBytes(
      vocabSize,
      (id) => ({ token: this.tokenString(id), added: this.addedIds.has(id) }),
      this.spelling,
    );
  }

  private requireToken(source: string, role: string, token: string | null): number | null {
    if (token === null) return null;
    const id = this.tokenId(token);
    if (id === null)
      throw new InputError(
        "tokenizer",
        `The ${role} token ${JSON.stringify(token)} of ${source} is not in its vocabulary.`,
      );
    return id;
  }

  private endTokens(facts: TokenizerFacts): number[] {
    const ids = new Set<number>(this.eosId === null ? [] : [this.eosId]);
    for (const id of facts.endIds) ids.add(id);
    for (const token of KNOWN_END_TOKENS) {
      const id = this.tokenId(token);
      if (id !== null && this.specialIds.has(id)) ids.add(id);
    }
    return [...ids];
  }

  /** What the post-processor puts around a text, found by encoding one with and without it. */
  private surroundings(): { prefix: number[]; suffix: number[] } {
    const bare: number[] = this.library.encode("a", { add_special_tokens: false }).ids;
    const full: number[] = this.library.encode("a", { add_special_tokens: true }).ids;
    const extra = full.length - bare.length;
    for (let start = 0; start <= extra; start++) {
      if (bare.every((id, i) => full[start + i] === id))
        return { prefix: full.slice(0, start), suffix: full.slice(start + bare.length) };
    }
    return { prefix: [], suffix: [] };
  }
}

/** An explicit add_bos_token or add_eos_token wins over the post-processor. */
function override(wanted: boolean | null, id: number | null, around: readonly number[]): readonly number[] {
  if (wanted === null || id === null || around.includes(id) === wanted) return around;
  return wanted ? [id] : around.filter((other) => other !== id);
}
