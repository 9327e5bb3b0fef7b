import { describe, expect, it } from "vitest";
import type { TextExample } from "../../../src/data/example.js";
import { gapMetrics, gapTargets } from "../../../src/eval/shift/gap.js";
import { stageRenderers } from "../../../src/experiment/stage-settings.js";
import { getPreset } from "../../../src/templates/presets.js";
import { openTinyChat } from "../../tiny-chat.js";

const example = (id: string, response: string | null): TextExample => ({
  ...{ kind: "text", id, instruction: `Say ${id}.`, response, history: [], system: null, row: {} },
});
const examples = [example("a", " one two "), example("b", "three"), example("c", "four five six")];
const distilled = [
  { id: "c", response: "four five six" },
  { id: "a", response: "two one one" },
  { id: "b", response: "seven" },
];

async function renderer(session: Awaited<ReturnType<typeof openTinyChat>>) {
  const wish = { task: null, preset: getPreset("default"), template: null, distillTemplate: null };
  return (await stageRenderers(session.prompts, wish)).train;
}

describe("gapMetrics", () => {
  it("is the mean log-probability of each target's tokens, the end token included", async () => {
    using session = await openTinyChat();
    const train = await renderer(session);
    const targets = gapTargets(examples, distilled, train);
    expect(targets.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(targets[0]?.original.at(-1)).toBe(train.endToken);
    const { rows, metrics, difference } = await gapMetrics(session.engine, targets);
    for (const [index, target] of targets.entries()) {
      for (const [column, answer] of [
        ["logprob_original", target.original],
        ["logprob_distilled", target.distilled],
      ] as const) {
        const tokens = [...target.prompt, ...answer];
        const [alone = []] = await session.engine.score([{ id: "x", tokens, from: target.prompt.length }]);
        expect(alone).toHaveLength(answer.length);
        const mean = Array.from(alone).reduce((sum, value) => sum + value, 0) / answer.length;
        expect(rows[index]?.[column]).toBeCloseTo(mean, 9);
      }
    }
    const means = metrics.map(({ metric, value, n }) => ({ metric, value, n }));
    const mean = (column: "logprob_original" | "logprob_distilled") =>
      rows.reduce((sum, row) => sum + row[column], 0) / 3;
    expect(means).toEqual([
      { metric: "logprob_original", value: expect.closeTo(mean("logprob_original"), 12), n: 3 },
      { metric: "logprob_distilled", value: expect.closeTo(mean("logprob_distilled"), 12), n: 3 },
    ]);
    expect(difference.value).toBeCloseTo(mean("logprob_distilled") - mean("logprob_original"), 12);
    expect(difference.low).toBeLessThanOrEqual(difference.value);
    expect(difference.high).toBeGreaterThanOrEqual(difference.value);
    // The row that kept its original does not move.
    expect(rows[2]?.logprob_distilled).toBe(rows[2]?.logprob_original);
  });

  it("names the row that lacks a response, and refuses no rows", async () => {
    using session = await openTinyChat();
    const train = await renderer(session);
    expect(() => gapTargets(examples, distilled.slice(1), train)).toThrow(/row c but the distilled one is missing/);
    expect(() => gapTargets([example("b", null)], distilled, train)).toThrow(/row b but the original is missing/);
    await expect(gapMetrics(session.engine, [])).rejects.toThrow(/at least one example/);
  });
});
