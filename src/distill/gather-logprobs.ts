// The one step of filtering that asks the engine: mean log-probabilities of rewrites, and of the original answers, as answers to the ordinary
// prompt. Scored in small batches that go to a journal as they come, so that an interrupted stage scores nothing twice.
import { z } from "zod";
import { InputError } from "../base/error.js";
import { Interrupted } from "../base/interrupted.js";
import type { Journal } from "../base/journal.js";
import type { Progress } from "../base/reporter.js";
import type { TextExample } from "../data/example.js";
import type { AdapterHandle, Engine, ScoreRow } from "../engine/engine.js";
import { stripText } from "../metrics/python-text.js";
import type { PromptRenderer } from "../templates/render.js";
import type { Evidence, Sample } from "./evidence.js";

/** A row of the journal. */
export interface ScoredSample {
  readonly id: string;
  readonly sample: Sample;
  /** Mean log-probability per token. */
  readonly logprob: number;
}

const schema = z.object({ id: z.string(), sample: z.union([z.number(), z.literal("original")]), logprob: z.number() });

export function parseScoredSample(value: unknown): ScoredSample | null {
  return schema.safeParse(value).data ?? null;
}

/** One text to score as the answer of a row. */
export interface Answer {
  readonly example: TextExample;
  readonly sample: Sample;
  readonly text: string;
}

export interface LogprobOptions {
  /** Of the ordinary prompt, not the distillation's. */
  readonly renderer: PromptRenderer;
  readonly adapter: AdapterHandle | null;
  readonly journal: Pick<Journal<ScoredSample>, "earlier" | "append"> | null;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: Progress) => void;
}

/** Rows of one call of the engine; samples of a row share their prompt within one. */
const rowsPerCall = 64;

export class LogprobStore {
  private readonly known = new Map<string, number>();

  constructor(
    private readonly engine: Engine,
    private readonly options: LogprobOptions,
  ) {
    for (const row of options.journal?.earlier ?? []) this.known.set(keyOf(row.id, row.sample), row.logprob);
  }

  readonly logprob: Evidence["logprob"] = (id, sample) => this.known.get(keyOf(id, sample)) ?? null;

  /** Scores those of the answers that are not known yet. */
  async gather(answers: readonly Answer[]): Promise<void> {
    const open = answers.filter(({ example, sample }) => !this.known.has(keyOf(example.id, sample)));
    for (let start = 0; start < open.length; start += rowsPerCall) {
      const batch = open.slice(start, start + rowsPerCall);
      const rows = batch.map((answer) => answerRow(this.options.renderer, answer));
      const scores = await this.score(rows);
      for (const [index, { example, sample }] of batch.entries()) {
        const logprobs = scores[index] ?? [];
        const logprob = logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length;
        this.known.set(keyOf(example.id, sample), logprob);
        this.options.journal?.append({ id: example.id, sample, logprob });
      }
      const done = start + batch.length;
      this.options.onProgress?.({ stage: "score rewrites", done, total: open.length, unit: "rewrites" });
    }
  }

  private async score(rows: readonly ScoreRow[]): Promise<number[][]> {
    const { adapter, signal } = this.options;
    try {
      return (await this.engine.score(rows, { adapter, signal })).map((values) => [...values]);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      throw new Interrupted(
        "Scoring the rewrites was interrupted. Run the same command again to go on: what was generated and scored is kept.",
      );
    }
  }
}

/** The answer as training sees it: trimmed, and with its end token. */
export function answerRow(renderer: PromptRenderer, { example, text }: Pick<Answer, "example" | "text">): ScoreRow {
  const prompt = renderer.promptTokens(example);
  const answer = renderer.pieceTokens([{ kind: "text", text: stripText(text) }, { kind: "end" }]);
  return { id: example.id, tokens: [...prompt, ...answer], from: Math.max(1, prompt.length) };
}

/** Original answers that don't fit the context are found before hours of generating. */
export function expectScorable(engine: Engine, renderer: PromptRenderer, examples: readonly TextExample[]): void {
  const long = examples.find(
    (example) =>
      answerRow(renderer, { example, text: example.response ?? "" }).tokens.length > engine.spec.maxPositions,
  );
  if (long === undefined) return;
  throw new InputError(
    "too_long",
    `Row ${long.id} with its answer is longer than the model's context of ${engine.spec.maxPositions} tokens, so its log-probability can't be had; leave the row out or cut it.`,
  );
}

function keyOf(id: string, sample: Sample): string {
  return `${sample} ${id}`;
}
