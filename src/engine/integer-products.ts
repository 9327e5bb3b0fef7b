// Whether a model's weights can be multiplied in integers as they would be kept: known from the file's header, before anything is loaded.
import { InputError } from "../base/error.js";
import type { ModelSpec, WeightEntry } from "../native/types.js";
import type { EngineSetting } from "./engine.js";
import { isIntegerForm } from "./weight-memory.js";

/** Throws InputError("compute") where `--compute int` meets a weight that is not held as integers; the engine itself would find it at the first product. */
export function expectIntegerProducts(
  model: { readonly spec: Pick<ModelSpec, "tiedHead">; readonly weights: readonly WeightEntry[] },
  { compute, weightFormat }: Pick<EngineSetting, "compute" | "weightFormat">,
): void {
  if (compute === "f32") return;
  const head = model.spec.tiedHead ? "model.embed_tokens.weight" : "lm_head.weight";
  const wrong = model.weights.find(
    ({ name, type }) => (name.endsWith("_proj.weight") || name === head) && !isIntegerForm(type, weightFormat),
  );
  if (wrong === undefined) return;
  throw new InputError(
    "compute",
    `Integer products (--compute int) need weights held as 4- or 8-bit integers, and ${wrong.name} is not: add --weights q8 (or q4).`,
  );
}
