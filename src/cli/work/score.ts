// The work of `sdft score`.
import { resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { writeJsonLines } from "../../base/write-file.js";
import type { ScoreRow } from "../../engine/engine.js";
import { scoringWork } from "../../engine/generation-batch.js";
import { planScoring } from "../../engine/memory-plan.js";
import { type Preparation, prepareSession, startSession } from "../../experiment/session.js";
import { sessionOptions } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { type ModelArgs, openAdapter, storedSettings } from "./model.js";
import { expectOutFile } from "./out-file.js";
import { type InputRow, readInputRows, textOf, tokensOf } from "./prompt-rows.js";

export interface ScoreArgs extends ModelArgs {
  readonly prompt?: string | undefined;
  readonly completion?: string | undefined;
  readonly input?: string | undefined;
  readonly out?: string | undefined;
}

export async function runScore(args: ScoreArgs, { terminal, signal }: CommandContext): Promise<void> {
  const input = await readRows(args);
  const prepared = await prepareSession(sessionOptions(args, terminal));
  const rows = input.map((row) => toScoreRow(prepared, row));
  const work = scoringWork(
    rows.map((row) => row.tokens.length),
    await storedSettings(args.adapter),
  );
  using session = await startSession(prepared, [planScoring(prepared.planned, work)]);
  const { engine } = session;
  const adapter = await openAdapter(engine, args.adapter, terminal);
  await expectOutFile(args);
  const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  const results = await engine.score(rows, {
    adapter,
    signal,
    onProgress: (done) =>
      terminal.progress({
        stage: "score",
        done,
        total: rows.length,
        unit: "rows",
        tokens: Math.round((tokens * done) / rows.length),
      }),
  });
  const scored = rows.map(({ id }, index) => {
    const logprobs = [...(results[index] ?? [])];
    return { id, logprobs, sum: logprobs.reduce((sum, value) => sum + value, 0) };
  });
  if (args.out !== undefined) await writeJsonLines(resolve(args.out), scored);
  const lines = scored.map(({ id, logprobs, sum }) => `${id}: ${sum.toFixed(4)} over ${logprobs.length} tokens`);
  terminal.result(
    args.out === undefined ? scored : { out: args.out, rows: scored.length },
    args.out === undefined ? lines.join("\n") : `${scored.length} rows written to ${args.out}`,
  );
}

async function readRows(args: ScoreArgs): Promise<InputRow[]> {
  if ((args.prompt === undefined) === (args.input === undefined)) {
    throw new InputError(
      "usage",
      "Expected either --input FILE.jsonl or --prompt TEXT (with --completion TEXT where only that is to be scored).",
    );
  }
  if (args.input !== undefined) return readInputRows(args.input);
  return [{ id: "0", row: { prompt: args.prompt, completion: args.completion }, place: "--prompt" }];
}

/** All tokens after the first, or the completion's alone; prompt and completion are never tokenised together. */
function toScoreRow({ prompts, model }: Preparation, row: InputRow): ScoreRow {
  const tokens = tokensOf(row, model.spec.vocabSize);
  if (tokens !== null) return { id: row.id, tokens, from: 1 };
  if (prompts === null) {
    throw new InputError("no_tokenizer", `This model has no tokenizer, so ${row.place} needs a column "tokens".`);
  }
  const prompt = textOf(row, "prompt");
  if (prompt === null)
    throw new InputError(
      "column",
      `Expected a column "tokens", or "prompt" and "completion", at ${row.place} but found none.`,
    );
  const before = prompts.tokenizer.encode(prompt);
  const completion = textOf(row, "completion");
  if (completion === null) return { id: row.id, tokens: before, from: 1 };
  const after = prompts.tokenizer.encode(completion, { addSpecial: false });
  return { id: row.id, tokens: [...before, ...after], from: before.length };
}
