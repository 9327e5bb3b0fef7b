// Which engine a measurement runs on, how its rows name it, and what its kernels cost.
import { type Engine, openEngine } from "../engine/engine.js";
import { measureRoof, profileLines, profileSince } from "../engine/profile.js";
import type { ModelPackage } from "../models/package.js";
import type { Compute, WeightFormat } from "../native/types.js";

export interface EngineChoice {
  /** The cpu where left out. */
  readonly device?: "cpu" | "cuda";
  readonly weights: WeightFormat;
  readonly compute: Compute;
  /** 0: all that may be used. */
  readonly threads: number;
  /** Adds a table of the kernels to the notes; their clock is part of the time then. */
  readonly profile: boolean;
}

/** `sdft`, and whatever differs from its defaults. */
export function systemName({ weights, compute }: Pick<EngineChoice, "weights" | "compute">): string {
  const parts = [weights === "native" ? "" : ` --weights ${weights}`, compute === "f32" ? "" : ` --compute ${compute}`];
  return `sdft${parts.join("")}`;
}

export function openChosen(model: ModelPackage, choice: EngineChoice): Promise<Engine> {
  const { device = "cpu", weights, compute, threads, profile } = choice;
  return openEngine(model, { device, weights, compute, threads, profile });
}

/** Call it before the work; what it returns gives the table of what ran since, no lines without `profile`. */
export function watchKernels(engine: Engine, { profile }: EngineChoice): () => Promise<string[]> {
  if (!profile) return async () => [];
  const before = engine.profile;
  return async () => profileLines(profileSince(before, engine.profile), await measureRoof(engine.setting.threads));
}

/** Of this process so far. */
export function peakMebibytes(): number {
  return process.resourceUsage().maxRSS / 1024;
}
