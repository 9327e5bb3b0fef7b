// Whether the cuda backend's attention takes a model's heads: known from the file's header, before anything is loaded.
import { InputError } from "../base/error.js";
import type { BackendName, ModelSpec } from "../native/types.js";
import { plannedSizes } from "./device-scratch.js";

/** Throws InputError("backend_unavailable") where they are too large or too many; the engine itself would find it in the first layer. */
export function expectHeadsFit(
  { headSize, queryHeads, kvHeads }: Pick<ModelSpec, "headSize" | "queryHeads" | "kvHeads">,
  backend: BackendName,
): void {
  if (backend !== "cuda") return;
  const { largestHead, tileRows } = plannedSizes;
  const group = queryHeads / kvHeads;
  if (headSize <= largestHead && group <= tileRows) return;
  throw new InputError(
    "backend_unavailable",
    `The cuda backend takes attention heads of at most ${largestHead} channels and at most ${tileRows} query heads to a key-value head, and this model has heads of ${headSize} and ${group} query heads to one: use --device cpu.`,
  );
}
