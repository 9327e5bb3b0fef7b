// Training, decoding and single kernels at the shape of a well-known model with made-up weights, against what the card can do. The same work runs on the cpu,
// where there is no data sheet, so that it can be tried without a card.
import type { Engine } from "../engine/engine.js";
import { profileSince } from "../engine/profile.js";
import { loadAddon } from "../native/addon.js";
import type { KernelCost } from "../native/types.js";
import { type Card, freeMegabytes } from "./card.js";
import { type EngineChoice, openChosen, systemName } from "./engine-choice.js";
import { forced } from "./generating.js";
import { makeUpModel, modelShapes, type ShapeName } from "./made-up-model.js";
import type { JobResult, Measurement } from "./measurement.js";
import { decodingSpeed, madeUpTokens } from "./scaling.js";
import { timeTraining } from "./training.js";
import type { WorkRow } from "./work.js";

export interface CardWork {
  readonly part: "training" | "decoding" | "kernels";
  readonly shape: ShapeName;
  /** Null on the cpu. */
  readonly card: Card | null;
  readonly amounts: CardAmounts;
}

export interface CardAmounts {
  /** Sequences of an update, and tokens of each; every one predicts all its tokens but the first fifth. */
  readonly batches: readonly (readonly [sequences: number, tokens: number])[];
  readonly updates: number;
  readonly prompt: number;
  readonly newTokens: number;
  /** Side by side. */
  readonly sequences: readonly number[];
}

/** 2,048 tokens a sequence is what the goals speak of, 8 × 512 what they say of memory. */
export const cardAmounts: CardAmounts = {
  ...{
    batches: [[8, 2048] as const, [8, 512] as const],
    updates: 6,
    prompt: 128,
    newTokens: 128,
    sequences: [1, 8, 64],
  },
};
/** To try the bench itself. */
export const quickAmounts: CardAmounts = {
  ...{ batches: [[2, 24] as const], updates: 2, prompt: 8, newTokens: 4, sequences: [1, 2] },
};

export async function measureOnCard(work: CardWork, choice: EngineChoice): Promise<JobResult> {
  await using model = await makeUpModel(modelShapes[work.shape]);
  const before = freeMegabytes(loadAddon().info());
  using engine = await openChosen(model, choice);
  const system = systemName(choice);
  const made = await measurePart(engine, work);
  const free = freeMegabytes(loadAddon().info());
  // What the engine took it keeps, so that what is free now tells the most it had.
  const memory = before === null || free === null ? [] : [figure("device memory", "MB", before - free)];
  const measurements = [...made, ...memory].map((one) => ({ ...one, system, metric: `${work.shape}, ${one.metric}` }));
  return { measurements, notes: [] };
}

type Wish = Pick<CardWork, "card" | "amounts">;
type Figure = Omit<Measurement, "system">;

/** Of an engine that is open; kernels need one that was opened with `profile`. */
export function measurePart(engine: Engine, work: Omit<CardWork, "shape">): Promise<Figure[]> {
  return parts[work.part](engine, work);
}

const parts: Readonly<Record<CardWork["part"], (engine: Engine, work: Wish) => Promise<Figure[]>>> = {
  training: measureTrainingOn,
  decoding: measureDecodingOn,
  kernels: measureKernelsOn,
};

function figure(metric: string, unit: string, value: number, details: Measurement["details"] = {}): Figure {
  return { metric, unit, value, details };
}

/** The rows of so many updates, no two alike; also what the peers train on. */
export function cardRows(
  vocabSize: number,
  [sequences, tokens]: readonly [number, number],
  updates: number,
): WorkRow[] {
  return Array.from({ length: sequences * updates }, (_, row) => {
    const made = madeUpTokens(vocabSize, row, tokens);
    return { tokens: made, labels: made.map((token, i) => (i < tokens / 5 ? -100 : token)) };
  });
}

async function measureTrainingOn(engine: Engine, { card, amounts }: Wish): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const batch of amounts.batches) {
    const rows = cardRows(engine.spec.vocabSize, batch, amounts.updates);
    const { seconds, tokens, flop, losses } = await timeTraining(engine, { rows, batch: batch[0] });
    const name = `training ${batch[0]} x ${batch[1]}`;
    const teraflops = flop / seconds / 1e12;
    figures.push(figure(name, "tokens/s", tokens / seconds, { tokens, seconds, losses }));
    figures.push(figure(`${name}, needed arithmetic`, "TFLOP/s", teraflops, { neededGigaflop: flop / 1e9 }));
    if (card?.teraflops != null)
      figures.push(figure(`${name}, MFU`, "share", teraflops / card.teraflops, { peakTeraflops: card.teraflops }));
  }
  return figures;
}

/** Each step of a sequence alone reads all weights once, and the keys and values so far, which are little beside them. */
async function measureDecodingOn(engine: Engine, { card, amounts }: Wish): Promise<Figure[]> {
  const figures: Figure[] = [];
  await decodingSpeed(engine, 1, { ...amounts, newTokens: Math.min(4, amounts.newTokens) });
  for (const count of amounts.sequences) {
    const name = `decoding ${count} ${count === 1 ? "sequence" : "sequences"}`;
    const speed = await decodingSpeed(engine, count, amounts);
    const details = { prompt: amounts.prompt, new: amounts.newTokens };
    figures.push(figure(name, "tokens/s", speed, details));
    if (count > 1) continue;
    const read = (speed * engine.memory.weights) / 1e9;
    figures.push(figure(`${name}, weights read`, "GB/s", read, { weights: engine.memory.weights }));
    if (card?.gigabytesPerSecond != null)
      figures.push(figure(`${name}, share of memory speed`, "share", read / card.gigabytesPerSecond));
  }
  return figures;
}

/** Kernels of an update and of decoding one sequence. The clock waits for each kernel, which adds some microseconds to every one. */
async function measureKernelsOn(engine: Engine, { card, amounts }: Wish): Promise<Figure[]> {
  const [batch = [1, 64] as const] = amounts.batches;
  const rows = cardRows(engine.spec.vocabSize, batch, 1);
  const trained = await kernelsDuring(engine, () => timeTraining(engine, { rows, batch: batch[0] }));
  const prompt = { id: "one", tokens: madeUpTokens(engine.spec.vocabSize, 0, amounts.prompt) };
  const decoded = await kernelsDuring(engine, () => engine.generate([prompt], forced(amounts.newTokens)));
  return [
    ...trained.flatMap((cost) => kernelFigures(`training ${batch[0]} x ${batch[1]}`, cost, card)),
    ...decoded.flatMap((cost) => kernelFigures("decoding 1 sequence", cost, card)),
  ];
}

async function kernelsDuring(engine: Engine, work: () => Promise<unknown>): Promise<readonly KernelCost[]> {
  const before = engine.profile;
  await work();
  const { kernels } = profileSince(before, engine.profile);
  // What takes less than a thousandth of the time is nothing to look at.
  const least = kernels.reduce((sum, { seconds }) => sum + seconds, 0) / 1000;
  return kernels.filter(({ seconds, flop, bytes }) => seconds > least && flop + bytes > 0);
}

/** By whichever of arithmetic and memory it comes closer to; by arithmetic where there is no data sheet, if it has any. */
function kernelFigures(
  of: string,
  { kernel, calls, rows, seconds, flop, bytes }: KernelCost,
  card: Card | null,
): Figure[] {
  const metric = `${of}, ${kernel}`;
  const [teraflops, gigabytes] = [flop / seconds / 1e12, bytes / seconds / 1e9];
  const details = { calls, rowsPerCall: rows / calls, microsecondsPerCall: (1e6 * seconds) / calls };
  const shares = [
    card?.teraflops == null ? 0 : teraflops / card.teraflops,
    card?.gigabytesPerSecond == null ? 0 : gigabytes / card.gigabytesPerSecond,
  ] as const;
  const share = Math.max(...shares);
  const byArithmetic = share > 0 ? shares[0] >= shares[1] : flop > 0;
  return [
    byArithmetic ? figure(metric, "TFLOP/s", teraflops, details) : figure(metric, "GB/s", gigabytes, details),
    ...(share > 0 ? [figure(`${metric}, share of roof`, "share", share)] : []),
  ];
}
