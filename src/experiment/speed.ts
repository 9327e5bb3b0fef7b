// Tokens a second of each kind of work on this machine, for estimates of time: from finished stages, from the machine's last study, or measured on the spot.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { z } from "zod";
import { contentHash } from "../base/content-hash.js";
import { writeJson } from "../base/write-file.js";
import { cacheFolder } from "../models/aliases.js";
import { readManifest, type StageWork } from "../report/manifest.js";
import type { TrainSequence } from "../train/batches.js";
import { freshAdapterSettings } from "../train/config.js";
import { initializeAdapter } from "../train/lora-init.js";
import { train } from "../train/train.js";
import { encodeExamples } from "./plan-experiment.js";
import type { PreparedAnswers, PreparedTraining } from "./prepare.js";
import { type Preparation, type Session, startSession } from "./session.js";
import { engineIdentity, type PlannedRun } from "./study-plan.js";
import type { StudySettings } from "./study-schema.js";

export const stageWorks = ["generate", "train", "score"] as const satisfies readonly StageWork[];

export interface MeasuredSpeed {
  readonly tokensPerSecond: number;
  /** `3 finished stages of this folder`, for people. */
  readonly source: string;
}

export type Speeds = Readonly<Partial<Record<StageWork, MeasuredSpeed>>>;

/** From the manifests of the run folders that the same engine worked in. */
export async function speedsOfRuns(runsFolder: string, opened: Preparation): Promise<Speeds> {
  const sums = new Map<StageWork, { tokens: number; seconds: number; stages: number }>();
  for (const name of await readdir(runsFolder).catch(() => [])) {
    const manifest = await readManifest(join(runsFolder, name)).catch(() => null);
    if (manifest === null || !sameEngine(manifest, opened)) continue;
    for (const { work, tokens, seconds } of Object.values(manifest.stages)) {
      if (work === undefined || tokens === undefined || seconds <= 0) continue;
      const sum = sums.get(work) ?? { tokens: 0, seconds: 0, stages: 0 };
      sums.set(work, { tokens: sum.tokens + tokens, seconds: sum.seconds + seconds, stages: sum.stages + 1 });
    }
  }
  return Object.fromEntries(
    [...sums].map(([work, { tokens, seconds, stages }]) => [
      work,
      {
        tokensPerSecond: tokens / seconds,
        source: `${stages} finished ${stages === 1 ? "stage" : "stages"} in ${runsFolder}`,
      },
    ]),
  );
}

function sameEngine(
  {
    model,
    engine,
  }: { model: { fingerprint: string }; engine: { backend: string; weights: string; compute: string; threads: number } },
  { model: own, setting }: Preparation,
): boolean {
  return (
    model.fingerprint === own.fingerprint &&
    engine.backend === setting.backend &&
    engine.weights === setting.weightFormat &&
    engine.compute === setting.compute &&
    engine.threads === setting.threads
  );
}

type StudyLabel = StudySettings["label"];

const storedSchema = z.record(
  z.string(),
  z.object({ at: z.string(), speeds: z.partialRecord(z.enum(stageWorks), z.number().positive()) }),
);

/** What the machine's last study of this kind (its label) with this model and these settings measured. */
export async function speedsOfMachine(opened: Preparation, label: StudyLabel): Promise<Speeds> {
  const found = (await readStored())[speedKey(opened, label)];
  if (found === undefined) return {};
  const source = `this machine's run of ${found.at.slice(0, 16).replace("T", " ")}`;
  return Object.fromEntries(
    Object.entries(found.speeds).map(([work, tokensPerSecond]) => [work, { tokensPerSecond, source }]),
  );
}

/** Remembers what a study measured. A cache that can't be written is left as it is: only an estimate depends on it. */
export async function rememberSpeeds(opened: Preparation, label: StudyLabel, speeds: Speeds): Promise<void> {
  const measured = Object.entries(speeds).map(([work, { tokensPerSecond }]) => [work, tokensPerSecond]);
  if (measured.length === 0) return;
  const stored = await readStored();
  const key = speedKey(opened, label);
  const merged = { ...stored[key]?.speeds, ...Object.fromEntries(measured) };
  await writeJson(speedFile(), { ...stored, [key]: { at: new Date().toISOString(), speeds: merged } }).catch(
    () => undefined,
  );
}

function speedFile(): string {
  return join(cacheFolder(), "speeds.json");
}

async function readStored(): Promise<z.output<typeof storedSchema>> {
  try {
    return storedSchema.parse(JSON.parse(await readFile(speedFile(), "utf8")));
  } catch {
    return {};
  }
}

/** A smoke study's few short rows say little of a whole one's speed, and the other way round. */
function speedKey(opened: Preparation, label: StudyLabel): string {
  return contentHash({ engine: engineIdentity(opened), threads: opened.setting.threads, label }).slice(0, 16);
}

/** Loads the weights and works for some seconds on the study's own rows. */
export async function calibrate(
  opened: Preparation,
  runs: readonly PlannedRun[],
  missing: readonly StageWork[],
): Promise<Speeds> {
  using session = await startSession(opened);
  const source = "a short calibration";
  const speeds: Partial<Record<StageWork, MeasuredSpeed>> = {};
  const training = runs.flatMap((run) => run.training ?? [])[0] ?? null;
  const prompts = runs
    .flatMap((run) => run.evaluations.flatMap(({ prepared }) => prepared ?? []))
    .find((prepared) => prepared.kind === "answers");
  for (const work of missing) {
    let tokensPerSecond: number | null = null;
    if (work === "generate" && prompts !== undefined) tokensPerSecond = await measureGenerating(session, prompts);
    if (work === "train" && training !== null) tokensPerSecond = await measureTraining(session, training);
    if (work === "score" && training !== null) tokensPerSecond = await measureScoring(session, training);
    if (tokensPerSecond !== null) speeds[work] = { tokensPerSecond, source };
  }
  return speeds;
}

async function measureGenerating(
  { engine }: Session,
  { examples, renderer, sampling }: PreparedAnswers,
): Promise<number> {
  const prompts = examples.slice(0, 8).map((example) => ({ id: example.id, tokens: renderer.promptTokens(example) }));
  const started = performance.now();
  const answers = await engine.generate(prompts, { ...sampling, maxNewTokens: Math.min(24, sampling.maxNewTokens) });
  const read = prompts.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const written = answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return perSecond(read + written, started);
}

function someSequences({ engine }: Session, training: PreparedTraining, most: number): readonly TrainSequence[] {
  const examples = training.examples.slice(0, most);
  return encodeExamples(training, { examples, spec: engine.spec, warn: () => {} });
}

async function measureTraining(session: Session, training: PreparedTraining): Promise<number> {
  const { engine } = session;
  const sequences = someSequences(session, training, 8);
  const adapter = engine.createAdapter(freshAdapterSettings(training.training, training.preset));
  initializeAdapter(adapter.native, 0);
  const folder = await mkdtemp(join(tmpdir(), "sdft-calibrate-"));
  try {
    const config = { ...training.training, max_steps: 1, save_steps: 0 };
    const outcome = await train(engine, {
      ...{ adapter, sequences, config, seed: 0, folder, fingerprint: "calibration", resume: null },
    });
    return outcome.tokens / Math.max(1e-9, outcome.time);
  } finally {
    adapter.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureScoring(session: Session, training: PreparedTraining): Promise<number> {
  const rows = someSequences(session, training, 8).map(({ id, tokens }) => ({ id, tokens, from: 1 }));
  const started = performance.now();
  await session.engine.score(rows);
  return perSecond(
    rows.reduce((sum, { tokens }) => sum + tokens.length, 0),
    started,
  );
}

function perSecond(tokens: number, started: number): number {
  return tokens / Math.max(1e-9, (performance.now() - started) / 1000);
}
