// The model options that several commands share.
import { readAdapterFolder } from "../../engine/adapter-folder.js";
import type { AdapterHandle, Engine } from "../../engine/engine.js";
import { generationWork } from "../../engine/generation-batch.js";
import { fitGeneration, type MemoryPlan, type PlannedAdapter } from "../../engine/memory-plan.js";
import type { Sampling } from "../../engine/sampling.js";
import type { Preparation } from "../../experiment/session.js";
import type { Terminal } from "../terminal.js";

export interface ModelArgs {
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
  readonly device: "auto" | "cpu" | "reference" | "cuda";
  readonly weights: "native" | "f32" | "bf16" | "q8" | "q4";
  readonly compute: "f32" | "int";
  readonly threads?: number | undefined;
  readonly batchInvariant?: boolean | undefined;
  readonly memoryBudget?: string | undefined;
  readonly seed?: number | undefined;
}

/** The memory of answering prompts of these lengths, with the adapter of --adapter or without, and with as few at once as the limit needs. */
export async function planAnswers(
  { planned, limit }: Preparation,
  prompts: readonly number[],
  sampling: Sampling,
  adapter: string | undefined,
): Promise<MemoryPlan> {
  const work = generationWork(planned.spec, prompts, sampling.maxNewTokens, await storedSettings(adapter));
  return fitGeneration(planned, work, limit.bytes);
}

/** Shape of the adapter of --adapter, or null. */
export async function storedSettings(adapter: string | undefined): Promise<PlannedAdapter | null> {
  return adapter === undefined ? null : (await readAdapterFolder(adapter)).settings;
}

/** The adapter of --adapter, or none; what it warns of is shown. */
export async function openAdapter(
  engine: Engine,
  folder: string | undefined,
  terminal: Terminal,
): Promise<AdapterHandle | null> {
  if (folder === undefined) return null;
  const { adapter, warnings } = await engine.loadAdapter(folder);
  for (const warning of warnings) terminal.warn(warning);
  return adapter;
}
