// Rotary frequencies against transformers' own (test/fixtures/rope.json), in both spellings of config.json.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseModelConfig } from "../../src/models/config.js";
import type { RopeSpec } from "../../src/native/types.js";
import { fixturesFolder } from "../shared-folder.js";

interface RopeCase {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** For dynamic scaling: the sequence's length. */
  readonly length: number | null;
  readonly inverse_frequencies: readonly number[];
  readonly attention_scale: number;
}

const { cases } = JSON.parse(readFileSync(join(fixturesFolder, "rope.json"), "utf8")) as { cases: RopeCase[] };
const REST = { vocab_size: 8, intermediate_size: 8, num_hidden_layers: 1 };

/** What the engine does with RopeSpec.dynamic (see native/types.ts). */
function atLength({ inverseFrequencies, dynamic }: RopeSpec, length: number | null): number[] {
  if (dynamic === null || length === null || length <= dynamic.originalMaxPositions) return [...inverseFrequencies];
  const { theta, factor, originalMaxPositions } = dynamic;
  const size = inverseFrequencies.length * 2;
  const base = theta * (factor * (length / originalMaxPositions) - (factor - 1)) ** (size / (size - 2));
  return Array.from(inverseFrequencies, (_, i) => 1 / base ** ((2 * i) / size));
}

describe("inverse frequencies equal transformers'", () => {
  it.each(cases)("$name", ({ config, length, inverse_frequencies: expected, attention_scale: scale }) => {
    const [rope] = parseModelConfig("config.json", { ...REST, ...config }).spec.ropes;
    if (rope === undefined) throw new Error("no rope");
    const found = atLength(rope, length);
    expect(found.length).toBe(expected.length);
    // transformers computes in float32.
    for (const [i, value] of expected.entries()) expect(Math.abs((found[i] ?? 0) - value) / value).toBeLessThan(2e-6);
    expect(rope.attentionScale).toBeCloseTo(scale, 12);
    expect(rope.dynamic === null).toBe(length === null);
  });
});
