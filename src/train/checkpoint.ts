// checkpoint-N/: the adapter, Adam's moments and, written last, trainer_state.json, the mark of completeness.
// With the data, the configuration and the device unchanged, going on from one gives the same bits as never having stopped.
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Devices } from "../base/devices.js";
import { InputError, SdftError } from "../base/error.js";
import { writeError, writeJson } from "../base/write-file.js";
import { writeAdapterTensors } from "../engine/adapter-folder.js";
import type { AdapterSettings } from "../engine/adapter-settings.js";
import type { AdapterHandle, Engine } from "../engine/engine.js";
import { readFloatTensors, readSafetensors } from "../formats/safetensors.js";
import { writeSafetensors } from "../formats/safetensors-writer.js";
import type { NativeTrainer, RealArray } from "../native/types.js";
import type { TrainingState } from "./training-state.js";

const trainerStateSchema = z.object({
  format: z.literal(1, { error: "written by a newer sdft" }),
  /** Updates done. */
  step: z.number(),
  total_steps: z.number(),
  /** Hash of data, configuration, base weights and engine revision; another one can't go on from here. */
  fingerprint: z.string(),
  /** What the last bits depend on beside that: the card or the instruction set, of each that had a part in it. */
  devices: z.array(z.string()).optional(),
});

export interface Checkpoint {
  readonly folder: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly fingerprint: string;
  readonly devices: Devices;
}

/** Writes `folder/checkpoint-<step>` beside its place first, so that it is complete or not there. */
export async function saveCheckpoint(
  state: TrainingState,
  parts: {
    settings: AdapterSettings;
    baseModel: string;
    folder: string;
    totalSteps: number;
    fingerprint: string;
    devices: Devices;
  },
): Promise<Checkpoint> {
  const { step } = state.trainer;
  const folder = join(parts.folder, `checkpoint-${step}`);
  const staging = `${folder}.partial`;
  try {
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    const { settings, baseModel, totalSteps, fingerprint, devices } = parts;
    await writeAdapterTensors(state.adapter, { folder: staging, settings, baseModel });
    await writeSafetensors(join(staging, "optimizer.safetensors"), momentTensors(state));
    await writeJson(join(staging, "trainer_state.json"), {
      format: 1,
      step,
      total_steps: totalSteps,
      fingerprint,
      ...(devices === null ? {} : { devices }),
    });
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
    return { folder, step, totalSteps, fingerprint, devices };
  } catch (cause) {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    throw writeError(folder, cause);
  }
}

/** The complete checkpoint with the most updates under `folder`, or null. */
export async function latestCheckpoint(folder: string): Promise<Checkpoint | null> {
  const names = await readdir(folder).catch(() => []);
  const steps = names.flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  for (const step of steps.sort((a, b) => b - a)) {
    const checkpoint = await readCheckpoint(join(folder, `checkpoint-${step}`));
    if (checkpoint !== null) return checkpoint;
  }
  return null;
}

/** Null where trainer_state.json is missing: the checkpoint was never finished. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | null> {
  const path = join(folder, "trainer_state.json");
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  const parsed = trainerStateSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const why = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
    throw new InputError("checkpoint", `${path} is not the state of a training (${why}).`);
  }
  const { step, total_steps: totalSteps, fingerprint, devices = null } = parsed.data;
  return { folder, step, totalSteps, fingerprint, devices };
}

/** Puts the checkpoint's adapter and moments into a trainer made for an adapter of the same shape. */
export async function restoreCheckpoint(
  engine: Engine,
  checkpoint: Checkpoint,
  parts: { adapter: AdapterHandle; trainer: NativeTrainer },
): Promise<void> {
  await engine.readAdapterInto(parts.adapter, checkpoint.folder);
  const path = join(checkpoint.folder, "optimizer.safetensors");
  const tensors = await readFloatTensors(await readSafetensors(path));
  const firstMoments: Record<string, RealArray> = {};
  const secondMoments: Record<string, RealArray> = {};
  for (const { name } of parts.adapter.native.tensors()) {
    const first = tensors.get(`first_moment.${name}`);
    const second = tensors.get(`second_moment.${name}`);
    if (first === undefined || second === undefined) {
      throw new SdftError("checkpoint", `Expected Adam's moments of ${name} in ${path} but they are missing.`);
    }
    firstMoments[name] = first.values;
    secondMoments[name] = second.values;
  }
  parts.trainer.setState({ step: checkpoint.step, firstMoments, secondMoments });
}

function momentTensors({ adapter, trainer }: TrainingState) {
  return [...adapter].flatMap(([name, { shape }]) => [
    { name: `first_moment.${name}`, shape, values: singlePrecision(name, trainer.firstMoments[name]) },
    { name: `second_moment.${name}`, shape, values: singlePrecision(name, trainer.secondMoments[name]) },
  ]);
}

function singlePrecision(name: string, values: RealArray | undefined): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new SdftError(
    "checkpoint",
    `Only single-precision training can be saved, and ${name} is not in single precision.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
