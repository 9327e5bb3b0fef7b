// How our rows name themselves: `sdft`, and whatever differs from its defaults.
import type { WeightFormat } from "#sdft/native/types.js";

const weightFormats: readonly WeightFormat[] = ["native", "f32", "bf16", "q8", "q4"];

export function systemName({ weights }: { readonly weights: WeightFormat }): string {
  return weights === "native" ? "sdft" : `sdft --weights ${weights}`;
}

export function readWeightFormat(name: string): WeightFormat {
  const found = weightFormats.find((format) => format === name);
  if (found === undefined) throw new Error(`Expected --weights ${weightFormats.join(", ")} but received ${name}.`);
  return found;
}
