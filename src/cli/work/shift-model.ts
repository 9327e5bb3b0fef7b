// The part of `sdft shift` that needs the model: the gap of distilled data, and the divergence on the seed's answers.
import { InputError } from "../../base/error.js";
import type { TextExample } from "../../data/example.js";
import { readDistilled } from "../../distill/distilled-file.js";
import { scoringWork } from "../../engine/generation-batch.js";
import { planScoring } from "../../engine/memory-plan.js";
import type { ForeignPrediction } from "../../eval/predictions-file.js";
import { type Divergence, type DivergenceInput, divergenceMetrics } from "../../eval/shift/divergence.js";
import { type Gap, type GapTarget, gapMetrics, gapTargets } from "../../eval/shift/gap.js";
import { prepareSession, startSession } from "../../experiment/session.js";
import { getTask } from "../../tasks/registry.js";
import { getPreset } from "../../templates/presets.js";
import type { PromptRenderer } from "../../templates/render.js";
import { sessionOptions } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { commandRenderers } from "./data.js";
import { openAdapter, storedSettings } from "./model.js";
import type { ShiftArgs } from "./shift-args.js";

export interface ModelShift {
  readonly gap: Gap | null;
  readonly divergence: Divergence | null;
}

/** Whether anything was asked for that needs the model. */
export function needsModel(args: ShiftArgs): boolean {
  return args.data !== undefined || wantsDivergence(args);
}

export async function modelShift(
  args: ShiftArgs,
  reference: readonly ForeignPrediction[],
  { terminal, signal }: CommandContext,
): Promise<ModelShift> {
  const rows = args.data === undefined ? [] : await readDistilled(args.data);
  const prepared = await prepareSession(sessionOptions(args, terminal));
  const wish = { task: args.task === undefined ? null : getTask(args.task), preset: getPreset(args.preset) };
  const { train, infer } = await commandRenderers(prepared.prompts, args, wish);
  const targets = gapTargets(
    rows.map((row) => toExample(row)),
    rows,
    train,
  );
  const answers = wantsDivergence(args) ? reference.flatMap((row) => answerTokens(row, infer)) : [];
  const lengths = [...targets.flatMap(targetLengths), ...answers.map(({ tokens }) => tokens.length)];
  const plan = planScoring(prepared.planned, scoringWork(lengths, await storedSettings(args.adapter)));
  using session = await startSession(prepared, [plan]);
  const { engine } = session;
  const seed = args.seed ?? 0;
  const gap =
    targets.length === 0
      ? null
      : await gapMetrics(engine, targets, {
          seed,
          signal,
          onProgress: (done, total) => terminal.progress({ stage: "score targets", done, total, unit: "rows" }),
        });
  const adapter = answers.length === 0 ? null : await openAdapter(engine, args.adapter, terminal);
  if (adapter === null) return { gap, divergence: null };
  const total = answers.length;
  const onProgress = (done: number): void =>
    terminal.progress({ stage: "compare distributions", done, total, unit: "rows" });
  return { gap, divergence: await divergenceMetrics(engine, answers, { adapter, seed, signal, onProgress }) };
}

/** The divergence is between the model and itself with the adapter, on the reference answers. */
function wantsDivergence(args: ShiftArgs): boolean {
  return args.model !== undefined && args.adapter !== undefined && args.reference !== undefined;
}

function targetLengths({ prompt, original, distilled }: GapTarget): number[] {
  return [prompt.length + original.length, prompt.length + distilled.length];
}

function toExample(row: { readonly id: string; readonly instruction: string; readonly original: string }): TextExample {
  const { id, instruction, original: response } = row;
  return { kind: "text", id, instruction, response, history: [], system: null, row: {} };
}

/** The prompt is taken as it stands in the file, with a BOS where the tokenizer adds one. */
function answerTokens(row: ForeignPrediction, renderer: PromptRenderer): DivergenceInput[] {
  if (row.prompt === null || row.prompt === "") {
    throw new InputError(
      "missing_column",
      `Expected the prompt in column "prompt" on line ${row.line} of the reference, for the divergence (--model with --adapter), but there is none.`,
    );
  }
  const prompt = renderer.pieceTokens([{ kind: "bos" }, { kind: "text", text: row.prompt }]);
  const end = row.finish === "stop" ? [{ kind: "end" as const }] : [];
  const answer = renderer.pieceTokens([{ kind: "text", text: row.output }, ...end]);
  return answer.length === 0 ? [] : [{ id: row.id, tokens: [...prompt, ...answer], promptLength: prompt.length }];
}
