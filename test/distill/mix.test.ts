import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { mixExamples } from "../../src/distill/mix.js";
import type { DistilledRow } from "../../src/distill/select.js";

const examples = Array.from(
  { length: 10 },
  (_, index): TextExample => ({
    kind: "text",
    id: `row-${index}`,
    instruction: "x",
    response: ` own ${index}`,
    history: [],
    system: null,
    row: {},
  }),
);
const rows = examples.map(
  ({ id }): DistilledRow => ({
    id,
    instruction: "x",
    original: "own",
    response: "rewritten",
    source: "model",
    reason: null,
    finish: "stop",
  }),
);
const rewritten = (ratio: number, seed = 3): string[] =>
  mixExamples(examples, rows, { ratio, seed })
    .filter(({ response }) => response === "rewritten")
    .map(({ id }) => id);

describe("mixExamples", () => {
  it("takes ⌊m·n⌋ rewrites, smaller shares inside larger ones", () => {
    expect([0, 0.25, 0.5, 0.3, 1].map((ratio) => rewritten(ratio).length)).toEqual([0, 2, 5, 3, 10]);
    const half = rewritten(0.5);
    for (const id of rewritten(0.25)) expect(half).toContain(id);
    expect(rewritten(0.5, 4)).not.toEqual(half);
  });

  it("is exactly the vanilla set at 0", () => {
    expect(mixExamples(examples, [], { ratio: 0, seed: 3 })).toEqual(examples);
  });

  it("names an example without a distilled row", () => {
    expect(() => mixExamples(examples, rows.slice(1), { ratio: 1, seed: 3 })).toThrow(
      /example row-0 but there is none/,
    );
  });
});
