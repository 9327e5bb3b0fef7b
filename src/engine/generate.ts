// Batches of prompts → completions. Finished rows are handed out as they come, so that a long job can be resumed.
import { InputError, SdftError } from "../base/error.js";
import { throwIfInterrupted } from "../base/interrupted.js";
import type {
  Compute,
  DraftMode,
  GenerateOptions,
  GenerateProgress,
  GenerateRequest,
  GenerateResult,
  ModelSpec,
  NativeAdapter,
  NativeModel,
} from "../native/types.js";
import { cacheBudget, mostSequences, rowsPerStep } from "./generation-batch.js";
import { checkSampling, cutAtStop, type Sampling } from "./sampling.js";

export interface Prompt {
  readonly id: string;
  readonly tokens: readonly number[] | Int32Array;
  /** Which of several samples of the same id this is; 0 by default. */
  readonly sample?: number;
  /**
   * Tokens of a text that the answer may repeat, such as the reference answer's: the engine drafts from it, as it does from the prompt and the answer so far,
   * where that is faster. Answers don't change.
   */
  readonly draft?: readonly number[] | Int32Array | undefined;
}

export interface Completion {
  readonly id: string;
  readonly sample: number;
  /** Decoded without special tokens and cut before the first stop string; empty where the model has no tokenizer. */
  readonly text: string;
  /** All new tokens, an end token included. */
  readonly tokens: Int32Array;
  readonly finish: "stop" | "length";
}

export interface GenerationProgress {
  readonly finished: number;
  readonly total: number;
  /** Over all prompts. */
  readonly promptTokens: number;
  readonly newTokens: number;
  /**
   * How much of the work is done, from 0 to 1: by tokens, with answers still running taken to be as long as the finished ones.
   * Rows run side by side and end together, so their count alone says little.
   */
  readonly share: number;
  /** Tokens drafted so far, and those of them that the answers took. */
  readonly drafted: number;
  readonly accepted: number;
}

export interface GenerationHooks {
  /** About once an engine step. */
  readonly onProgress?: (progress: GenerationProgress) => void;
  /** Each completion once, as soon as it is whole. */
  readonly onCompletion?: (completion: Completion) => void;
  /** New tokens of a prompt (by its index) as they come; for streaming. */
  readonly onTokens?: (index: number, tokens: readonly number[]) => void;
  readonly signal?: AbortSignal | undefined;
}

/** How the work is done; answers are the same whatever is chosen. For benches, tests and the doubtful. */
export interface GenerationEffort {
  /** `auto` where left out. */
  readonly drafts?: DraftMode | undefined;
  /** `shared` where left out. */
  readonly prefixes?: "shared" | "apart" | undefined;
  readonly rowsPerStep?: number | undefined;
  readonly maxSequences?: number | undefined;
}

export interface GenerationContext {
  readonly native: NativeModel;
  readonly spec: ModelSpec;
  readonly effort: GenerationEffort;
  readonly adapter: NativeAdapter | null;
  readonly compute: Compute;
  /** Null: a model of token rows. */
  readonly decode: ((tokens: readonly number[]) => string) | null;
  /** Every token that ends an answer. */
  readonly endTokens: readonly number[];
}

const interruption =
  "Generation was interrupted. Run the same command again to go on: answers that were finished are kept where it writes to a file or folder (--out).";

/** Completions in the order of the prompts. Throws Interrupted when the signal fires; what was finished went to onCompletion. */
export async function generateBatch(
  context: GenerationContext,
  prompts: readonly Prompt[],
  sampling: Sampling,
  hooks: GenerationHooks = {},
): Promise<Completion[]> {
  checkSampling(sampling);
  if (sampling.stop.length > 0 && context.decode === null) {
    throw new InputError("no_tokenizer", "Stop strings need a tokenizer, and this model has none.");
  }
  const requests = prompts.map((prompt) => toRequest(prompt, sampling, context.spec));
  if (requests.length === 0) return [];
  throwIfInterrupted(hooks.signal, interruption);
  const collector = new Collector(context, requests, sampling, hooks);
  const cancel = (): void => context.native.cancel();
  hooks.signal?.addEventListener("abort", cancel, { once: true });
  try {
    const results = await context.native.generate(requests, nativeOptions(context, sampling), (progress) =>
      collector.add(progress),
    );
    throwIfInterrupted(hooks.signal, interruption);
    return results.map((result, index) => collector.complete(index, result));
  } finally {
    hooks.signal?.removeEventListener("abort", cancel);
  }
}

/** Keeps what is known of each request while the engine works. */
class Collector {
  private readonly tokens: number[][];
  private readonly handedOut = new Set<number>();
  private newTokens = 0;
  private finished = 0;
  private finishedTokens = 0;
  private readonly allPromptTokens: number;
  private readonly allNewTokens: number;

  constructor(
    private readonly context: GenerationContext,
    private readonly requests: readonly GenerateRequest[],
    private readonly sampling: Sampling,
    private readonly hooks: GenerationHooks,
  ) {
    this.tokens = requests.map(() => []);
    this.allPromptTokens = requests.reduce((sum, request) => sum + request.tokens.length, 0);
    this.allNewTokens = requests.reduce((sum, request) => sum + request.maxNewTokens, 0);
  }

  add(progress: GenerateProgress): void {
    for (const [i, index] of progress.indices.entries()) {
      const token = progress.tokens[i];
      if (token === undefined) continue;
      this.tokens[index]?.push(token);
      this.hooks.onTokens?.(index, [token]);
    }
    this.newTokens += progress.tokens.length;
    this.finished += progress.finished.length;
    for (const index of progress.finished) this.finishedTokens += this.tokens[index]?.length ?? 0;
    if (this.hooks.onCompletion !== undefined && this.hooks.signal?.aborted !== true) {
      for (const index of progress.finished) this.complete(index, this.resultSoFar(index));
    }
    const { finished, newTokens } = this;
    const { promptTokens, drafted, accepted } = progress;
    const share = this.share(promptTokens + newTokens);
    this.hooks.onProgress?.({
      ...{ finished, total: this.requests.length, promptTokens, newTokens, share },
      ...{ drafted, accepted },
    });
  }

  complete(index: number, result: GenerateResult): Completion {
    const request = this.requests[index];
    if (request === undefined || result.finish === "cancelled") {
      throw new SdftError(
        "engine",
        `The engine answered for prompt ${index} of ${this.requests.length} as ${result.finish}.`,
      );
    }
    const { id, sample } = request;
    const completion = { id, sample, text: this.text(result.tokens), tokens: result.tokens, finish: result.finish };
    if (!this.handedOut.has(index)) {
      this.handedOut.add(index);
      this.hooks.onCompletion?.(completion);
    }
    return completion;
  }

  private share(tokens: number): number {
    const rows = this.requests.length;
    if (this.finished === rows) return 1;
    const expected = this.finished === 0 ? this.allNewTokens : (this.finishedTokens / this.finished) * rows;
    return Math.min(0.99, tokens / (this.allPromptTokens + Math.max(expected, this.newTokens)));
  }

  /** A finished request's result before the engine's promise resolves: it ended at its limit, or else by itself. */
  private resultSoFar(index: number): GenerateResult {
    const tokens = Int32Array.from(this.tokens[index] ?? []);
    const last = tokens.at(-1);
    const stopped =
      (this.sampling.endTokens === "stop" && last !== undefined && this.context.endTokens.includes(last)) ||
      this.sampling.stop.some((word) => this.decoded(tokens).includes(word));
    const atLimit = tokens.length >= (this.requests[index]?.maxNewTokens ?? 0);
    return { tokens, finish: atLimit && !stopped ? "length" : "stop" };
  }

  private text(tokens: Int32Array): string {
    return cutAtStop(this.decoded(tokens), this.sampling.stop);
  }

  private decoded(tokens: Int32Array): string {
    return this.context.decode === null ? "" : this.context.decode([...tokens]);
  }
}

function toRequest(prompt: Prompt, sampling: Sampling, spec: ModelSpec): GenerateRequest {
  const tokens = Int32Array.from(prompt.tokens);
  if (tokens.length === 0)
    throw new InputError("empty_prompt", `Expected at least one token in prompt ${prompt.id} but it is empty.`);
  const room = spec.maxPositions - tokens.length;
  if (room < 1) {
    throw new InputError(
      "too_long",
      `Expected prompt ${prompt.id} to leave room in the model's context of ${spec.maxPositions} tokens, but it has ${tokens.length}; shorten it.`,
    );
  }
  return {
    id: prompt.id,
    tokens,
    sample: prompt.sample ?? 0,
    maxNewTokens: Math.min(sampling.maxNewTokens, room),
    minNewTokens: Math.min(sampling.minNewTokens, room),
    ...(prompt.draft === undefined ? {} : { draft: Int32Array.from(prompt.draft) }),
  };
}

function nativeOptions(context: GenerationContext, sampling: Sampling): GenerateOptions {
  const { seed, temperature, topK, topP, minP, repetitionPenalty } = sampling;
  return {
    adapter: context.adapter,
    compute: context.compute,
    seed,
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    endTokens: Int32Array.from(sampling.endTokens === "ignore" ? [] : context.endTokens),
    stopStrings: sampling.stop,
    maxSequences: context.effort.maxSequences ?? mostSequences,
    rowsPerStep: context.effort.rowsPerStep ?? rowsPerStep,
    cacheBytes: cacheBudget,
    drafts: context.effort.drafts ?? "auto",
    prefixes: context.effort.prefixes ?? "shared",
  };
}
