// How far a training moved the model: its answers against the seed's, its weights, and how likely the seed found the targets beforehand.
// Each is a stage like any other, with rows beside the predictions it was made from.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { contentHash } from "../base/content-hash.js";
import { writeJson, writeJsonLines } from "../base/write-file.js";
import type { TextExample } from "../data/example.js";
import { readDistilled } from "../distill/distilled-file.js";
import type { Encoder } from "../engine/encoder.js";
import { readOwnPredictions } from "../eval/predictions-file.js";
import { compareResponses } from "../eval/shift/compare-responses.js";
import { divergenceInputs, divergenceMetrics } from "../eval/shift/divergence.js";
import { gapMetrics, gapTargets } from "../eval/shift/gap.js";
import { parameterShift, parameterShiftMetric } from "../eval/shift/parameter-shift.js";
import type { MetricValue } from "../tasks/score.js";
import type { PreparedAnswers, PreparedTraining } from "./prepare.js";
import type { StageContext, Trained } from "./stages.js";

export interface ShiftWork {
  readonly variant: "vanilla" | "sdft";
  readonly trained: Trained;
  /** The test whose answers are compared. */
  readonly evaluation: PreparedAnswers;
  /** The seed's answers to it. */
  readonly reference: string;
  /** Null: similarity is left out. */
  readonly encoder: Encoder | null;
  readonly kl: boolean;
}

/** `<variant>/shift/rows.jsonl`: bleu4, rouge_l, similarity; with `kl`, kl. Beside them the norm of what the adapter adds. */
export async function shiftStage(context: StageContext, work: ShiftWork): Promise<readonly MetricValue[]> {
  const { session, ledger, reporter, signal, label = "" } = context;
  const { variant, trained, evaluation, encoder, kl } = work;
  const { engine } = session;
  const { task, examples, renderer } = evaluation;
  const reference = await readOwnPredictions(work.reference);
  const predictions = await readOwnPredictions(join(context.folder, variant, task.name, "predictions.jsonl"));
  const folder = join(context.folder, variant, "shift");
  const hash = contentHash({
    stage: "shift",
    answers: [reference, predictions].map((rows) => rows.map(({ id, output, finish }) => [id, output, finish])),
    adapter: trained.hash,
    encoder: encoder?.fingerprint ?? null,
    kl: kl ? [engine.fingerprint, examples.map((example) => [example.id, renderer.promptTokens(example)])] : null,
  });
  const files = ["rows.jsonl", "metrics.json"].map((name) => `${variant}/shift/${name}`);
  await ledger.run({ name: `shift ${variant}`, hash, files }, async () => {
    const stage = `${label}compare answers of ${variant} with the seed's`;
    const names = { reference: "the seed's answers", predictions: `the answers of ${variant}` };
    const answers = await compareResponses(reference, predictions, encoder, { stage, names, reporter, signal });
    const inputs = kl ? divergenceInputs(examples, reference, renderer) : [];
    const divergence = kl ? await divergenceMetrics(engine, inputs, { adapter: trained.adapter }) : null;
    const byId = new Map(divergence?.rows.map((row) => [row.id, row.kl]));
    const rows = answers.rows.map((row) => (divergence === null ? row : { ...row, kl: byId.get(row.id) ?? null }));
    const weights = parameterShiftMetric(await parameterShift(join(context.folder, variant, "adapter")));
    await writeJsonLines(join(folder, "rows.jsonl"), rows);
    await writeJson(join(folder, "metrics.json"), [...answers.metrics, weights, ...(divergence?.metrics ?? [])]);
    return null;
  });
  return readMetrics(join(folder, "metrics.json"));
}

/** `sdft/gap/rows.jsonl`: mean log-probabilities under the seed of the original and the distilled answer of each example that takes its rewrite. */
export async function gapStage(
  context: StageContext,
  training: PreparedTraining,
  examples: readonly TextExample[],
): Promise<readonly MetricValue[]> {
  const { session, ledger, reporter, signal, label = "" } = context;
  const { engine } = session;
  const distilled = await readDistilled(join(context.folder, "sdft", "distilled.jsonl"));
  const targets = gapTargets(examples, distilled, training.renderers.train);
  const folder = join(context.folder, "sdft", "gap");
  const hash = contentHash({ stage: "gap", engine: engine.fingerprint, targets });
  const files = ["sdft/gap/rows.jsonl", "sdft/gap/metrics.json"];
  await ledger.run({ name: "gap", hash, files }, async () => {
    const gap = await gapMetrics(engine, targets, {
      signal,
      onProgress: (done, total) =>
        reporter.progress({ stage: `${label}score the targets under the seed`, done, total, unit: "rows" }),
    });
    await writeJsonLines(join(folder, "rows.jsonl"), gap.rows);
    await writeJson(join(folder, "metrics.json"), gap.metrics);
    const tokens = targets.reduce(
      (sum, { prompt, original, distilled: rewritten }) => sum + prompt.length + original.length + rewritten.length,
      0,
    );
    return { work: "score", tokens };
  });
  return readMetrics(join(folder, "metrics.json"));
}

const metricsSchema = z.array(
  z.object({ metric: z.string(), value: z.number(), n: z.number(), low: z.number(), high: z.number() }),
);

async function readMetrics(path: string): Promise<readonly MetricValue[]> {
  return metricsSchema.parse(JSON.parse(await readFile(path, "utf8")));
}
