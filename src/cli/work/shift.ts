// The work of `sdft shift`. Answers alone need no model; --adapter adds the weights, --model with --adapter the divergence, --model with
// --data the gap.
import { join, resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { makeWritableFolder, writeJson, writeJsonLines } from "../../base/write-file.js";
import { type ForeignPrediction, readPredictions } from "../../eval/predictions-file.js";
import { compareResponses, type ResponseShift } from "../../eval/shift/compare-responses.js";
import { pairResponses, type Response } from "../../eval/shift/pair-responses.js";
import { type ParameterShift, parameterShift, parameterShiftMetric } from "../../eval/shift/parameter-shift.js";
import { openSimilarityEncoder } from "../../experiment/open-encoder.js";
import { countPairs, mcnemarExact } from "../../metrics/statistics.js";
import { requireOption, sessionOptions } from "../arguments.js";
import type { CommandContext } from "../run-command.js";
import { expectNoEarlier } from "./out-file.js";
import type { ShiftArgs } from "./shift-args.js";
import { type ModelShift, modelShift, needsModel } from "./shift-model.js";
import { type ShiftDocument, shiftText, type VerdictChange } from "./shift-text.js";

export async function runShift(args: ShiftArgs, context: CommandContext): Promise<void> {
  const folder = resolve(requireOption(args.out, "out", "a folder for the shift"));
  checkWish(args);
  expectNoEarlier(folder, "shift.json", "a shift analysis");
  const reference = args.reference === undefined ? [] : await readPredictions(args.reference);
  const predictions = args.predictions === undefined ? [] : await readPredictions(args.predictions);
  // Before anything is computed; compareResponses pairs them again.
  if (args.predictions !== undefined) pairResponses(toResponses(reference), toResponses(predictions), sides(args));
  const weights = args.adapter === undefined ? null : await parameterShift(args.adapter);
  await makeWritableFolder(folder);
  const answers =
    args.predictions === undefined ? null : await compareAnswers(args, { reference, predictions, context });
  const model = needsModel(args) ? await modelShift(args, reference, context) : null;
  const document = toDocument(args, {
    ...{ verdicts: compareVerdicts(reference, predictions), answers, weights, model },
  });
  await writeRows(folder, answers, model);
  await writeJson(join(folder, "shift.json"), document);
  context.terminal.result({ folder, ...document }, `${shiftText(document)}\nWritten to ${folder}`);
}

function checkWish(args: ShiftArgs): void {
  const { reference, predictions, adapter, data, model } = args;
  if ((reference === undefined) !== (predictions === undefined)) {
    const [given, missing] = reference === undefined ? ["predictions", "reference"] : ["reference", "predictions"];
    throw new InputError(
      "usage",
      `Expected --${missing} beside --${given}: the answers of both models, the seed's and the trained one's.`,
    );
  }
  if (reference === undefined && adapter === undefined && data === undefined) {
    throw new InputError(
      "usage",
      "Expected --reference with --predictions (answers), --adapter (weights) or --data with --model (the gap before training).",
    );
  }
  if (model !== undefined && data === undefined && (adapter === undefined || reference === undefined)) {
    throw new InputError(
      "usage",
      "--model is for --data (the gap before training), or for --adapter with --reference (the divergence); leave it out or add one of these.",
    );
  }
  if (data !== undefined && model === undefined) {
    throw new InputError(
      "usage",
      "Expected --model beside --data: the model before training, which scores the answers.",
    );
  }
  if (data !== undefined && !data.endsWith(".jsonl")) {
    throw new InputError("usage", `Expected --data to be a distilled.jsonl but received ${data}.`);
  }
}

interface Answers {
  readonly reference: readonly ForeignPrediction[];
  readonly predictions: readonly ForeignPrediction[];
  readonly context: CommandContext;
}

async function compareAnswers(args: ShiftArgs, { reference, predictions, context }: Answers): Promise<ResponseShift> {
  const { terminal, signal } = context;
  const { device, threads, batchInvariant } = sessionOptions(args, terminal);
  using encoder = args.similarity
    ? await openSimilarityEncoder({
        ...{ encoder: args.encoder, device, threads, batchInvariant },
        reporter: terminal,
      })
    : null;
  // Awaited here, since the encoder is disposed of at the end.
  return await compareResponses(toResponses(reference), toResponses(predictions), encoder, {
    seed: args.seed ?? 0,
    names: sides(args),
    reporter: terminal,
    signal,
  });
}

function sides({ reference = "", predictions = "" }: ShiftArgs) {
  return { reference, predictions };
}

function toResponses(rows: readonly ForeignPrediction[]): Response[] {
  return rows.map(({ id, prompt, output, label }) => ({ id, prompt: prompt ?? "", output, label }));
}

/** What became of rows that both files judge. */
function compareVerdicts(
  reference: readonly ForeignPrediction[],
  predictions: readonly ForeignPrediction[],
): VerdictChange | null {
  const after = new Map(predictions.map((row) => [row.id, row.correct]));
  const pairs = reference.flatMap(({ id, correct: before }) => {
    const verdict = after.get(id) ?? null;
    return before === null || verdict === null ? [] : [{ before, after: verdict }];
  });
  if (pairs.length === 0) return null;
  const counts = countPairs(pairs);
  return { ...counts, p: mcnemarExact(counts.lost, counts.gained) };
}

interface Parts {
  readonly verdicts: VerdictChange | null;
  readonly answers: ResponseShift | null;
  readonly weights: ParameterShift | null;
  readonly model: ModelShift | null;
}

function toDocument(args: ShiftArgs, { verdicts, answers, weights, model }: Parts): ShiftDocument {
  const { reference = null, predictions = null, adapter = null, data = null } = args;
  const gap = model?.gap ?? null;
  return {
    ...{ reference, predictions, adapter, data, model: args.model ?? null },
    metrics: [
      ...(answers?.metrics ?? []).map((metric) => ({ ...metric, task: "shift" as const })),
      ...(weights === null ? [] : [{ ...parameterShiftMetric(weights), task: "shift" as const }]),
      ...(model?.divergence?.metrics ?? []).map((metric) => ({ ...metric, task: "shift" as const })),
      ...(gap?.metrics ?? []).map((metric) => ({ ...metric, task: "gap" as const })),
    ],
    verdicts,
    gap: gap?.difference ?? null,
    matrices: weights?.matrices ?? null,
  };
}

async function writeRows(folder: string, answers: ResponseShift | null, model: ModelShift | null): Promise<void> {
  const divergences = new Map(model?.divergence?.rows.map((row) => [row.id, row.kl]));
  if (answers !== null) {
    const rows = answers.rows.map((row) =>
      model?.divergence == null ? row : { ...row, kl: divergences.get(row.id) ?? null },
    );
    await writeJsonLines(join(folder, "rows.jsonl"), rows);
  }
  if (model?.gap != null) await writeJsonLines(join(folder, "gap.jsonl"), model.gap.rows);
}
