// Gradients against central differences in double precision, on whole tiny models with adapters on all seven linear layers, and on few of them: what has none takes
// other ways through an MLP.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { LoraTarget } from "../../src/native/types.js";
import { packBatch } from "../../src/train/batches.js";
import { fixturesFolder, sharedPath } from "../shared-folder.js";
import { allTargets, fillRandomly, gradientsOf, load, randomNumbers, randomTokens } from "./loaded-model.js";

const tiny = sharedPath("reference", "tiny");
const models = [
  join(fixturesFolder, "tiny", "qwen2-untied"),
  join(fixturesFolder, "tiny", "dynamic"),
  ...(tiny === null ? [] : ["qwen3", "gemma3", "mistral"].map((name) => join(tiny, name))),
];

/** Error of a central difference: h² · third derivative, and 1e-16 / h of rounding. */
const step = 1e-5;
const tolerance = 1e-6;

const choices: readonly (readonly LoraTarget[])[] = [allTargets, ["q_proj", "v_proj"], ["gate_proj"]];
const cases = models.flatMap((path) => choices.map((targets) => ({ path, targets })));

describe("gradients in double", () => {
  it.each(cases)(
    "$path: agree with differences along a random direction of every matrix of $targets",
    async ({ path, targets }) => {
      using model = await load(path, "reference-double");
      using adapter = model.createAdapter({ rank: 3, scale: 2, targets });
      fillRandomly(adapter, 0.3);
      const sequences = [5, 33].map((length, i) => {
        const tokens = randomTokens(length, i, 96);
        return { id: String(i), tokens, labels: tokens.map((token, t) => (t % 3 === 0 ? -100 : token)) };
      });
      const batch = packBatch(sequences, 1 / 25);
      const { gradients } = await gradientsOf(model, adapter, [batch]);
      using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
      const lossAt = async (name: string, values: Float64Array): Promise<number> => {
        adapter.set(name, values);
        return (await trainer.accumulate(batch)).loss;
      };
      for (const { name, rows, columns } of adapter.tensors()) {
        const gradient = gradients.get(name);
        if (!(gradient instanceof Float64Array)) throw new Error(`expected doubles as gradient of ${name}`);
        const start = Float64Array.from(adapter.get(name));
        const direction = randomNumbers(rows * columns, `direction ${name}`);
        const moved = (by: number) => start.map((value, i) => value + by * (direction[i] ?? 0));
        const difference = ((await lossAt(name, moved(step))) - (await lossAt(name, moved(-step)))) / (2 * step);
        adapter.set(name, start);
        const expected = gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0);
        const size = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
        expect(size, name).toBeGreaterThan(0);
        expect(Math.abs(difference - expected) / size, name).toBeLessThan(tolerance);
      }
    },
  );
});
