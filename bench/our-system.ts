// How our rows name themselves: `sdft`, and whatever differs from its defaults.
import type { Engine } from "#sdft/engine/engine.js";
import { measureRoof, profileLines, profileSince } from "#sdft/engine/profile.js";
import type { NativeProfile, WeightFormat } from "#sdft/native/types.js";

const weightFormats: readonly WeightFormat[] = ["native", "f32", "bf16", "q8", "q4"];

export function systemName({ weights }: { readonly weights: WeightFormat }): string {
  return weights === "native" ? "sdft" : `sdft --weights ${weights}`;
}

export function readWeightFormat(name: string): WeightFormat {
  const found = weightFormats.find((format) => format === name);
  if (found === undefined) throw new Error(`Expected --weights ${weightFormats.join(", ")} but received ${name}.`);
  return found;
}

/** What the kernels cost since `before`, to stderr. */
export async function printProfile(before: NativeProfile, engine: Engine): Promise<void> {
  const profile = profileSince(before, engine.profile);
  const roof = await measureRoof(engine.setting.threads);
  for (const line of profileLines(profile, roof)) process.stderr.write(`${line}\n`);
}
