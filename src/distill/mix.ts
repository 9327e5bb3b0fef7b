// The training set of a mix ratio m: the first ⌊m·n⌋ examples of the seeded order take what was distilled, the others their own answer.
// Sets of growing m are nested, and m = 0 is exactly the vanilla set.
import { InputError } from "../base/error.js";
import { seededOrder } from "../base/seeded-order.js";
import type { TextExample } from "../data/example.js";
import type { DistilledRow } from "./select.js";

/** In the order of the examples; rows meet examples by id. */
export function mixExamples(
  examples: readonly TextExample[],
  rows: readonly DistilledRow[],
  options: { readonly ratio: number; readonly seed: number },
): TextExample[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const ids = examples.map(({ id }) => id);
  const count = mixCount(options.ratio, examples.length);
  const taken = new Set(seededOrder(ids, options.seed, 0).slice(0, count));
  return examples.map((example, index) => {
    if (!taken.has(index)) return example;
    const row = byId.get(example.id);
    if (row === undefined) {
      throw new InputError(
        "missing_rewrite",
        `Expected a distilled row for example ${example.id} but there is none; distil the same data first.`,
      );
    }
    return { ...example, response: row.response };
  });
}

/** How many of n examples take their rewrite: ⌊m·n⌋. */
export function mixCount(ratio: number, n: number): number {
  return Math.floor(ratio * n + 1e-9);
}
