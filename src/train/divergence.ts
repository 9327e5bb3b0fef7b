// Whether an adapter still holds numbers: the engine refuses an update whose gradients are none, but the last update (or the one before a
// checkpoint) can leave the range of floats with nothing after it that would notice.
import { SdftError } from "../base/error.js";
import type { FloatTensor } from "../formats/safetensors.js";

/** The adapter's weights after update `step`. */
export function expectFiniteAdapter(adapter: ReadonlyMap<string, FloatTensor>, step: number): void {
  const strange = [...adapter].find(([, { values }]) => !values.every(Number.isFinite));
  if (strange === undefined) return;
  throw new SdftError(
    "diverged",
    `Training has left the range of numbers: ${strange[0]} holds NaN or infinity after update ${step}. It was not saved; train again with a lower --learning-rate.`,
  );
}
