// The model options that several commands share.
import { readAdapterFolder } from "../../engine/adapter-folder.js";
import type { AdapterHandle, Engine } from "../../engine/engine.js";
import { generationWork } from "../../engine/generation-batch.js";
import { type MemoryPlan, planGeneration } from "../../engine/memory-plan.js";
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
  readonly memoryBudget?: string | undefined;
  readonly seed?: number | undefined;
}

/** The memory of answering prompts of these lengths, with the adapter of --adapter or without. */
export async function planAnswers(
  { planned }: Preparation,
  prompts: readonly number[],
  sampling: Sampling,
  adapter: string | undefined,
): Promise<MemoryPlan> {
  const settings = adapter === undefined ? null : (await readAdapterFolder(adapter)).settings;
  return planGeneration(planned, generationWork(planned.spec, prompts, sampling.maxNewTokens, settings));
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
