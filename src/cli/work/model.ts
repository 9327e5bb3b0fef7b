// The model options that several commands share.
import type { AdapterHandle, Engine } from "../../engine/engine.js";
import type { Terminal } from "../terminal.js";

export interface ModelArgs {
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
  readonly device: "auto" | "cpu" | "reference" | "cuda";
  readonly weights: "native" | "f32" | "bf16" | "q8" | "q4";
  readonly compute: "f32" | "int";
  readonly threads?: number | undefined;
  readonly seed?: number | undefined;
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
