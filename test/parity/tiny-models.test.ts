// Every architecture against transformers and peft: logits, the loss, and the gradients of an adapter on all seven linear layers.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sharedPath } from "../shared-folder.js";
import { largestDifference, relativeDistance } from "./compare.js";
import { allBackends, allTargets, fillAdapter, load, peftName, tensorOf } from "./loaded-model.js";
import { meanLossBatch, readReference } from "./reference-batch.js";

const folder = sharedPath("reference", "tiny");
const names =
  folder === null ? [] : readdirSync(folder).filter((name) => existsSync(join(folder, name, "expected.safetensors")));

describe.skipIf(folder === null)("tiny models (../shared/reference/tiny)", () => {
  describe.each(allBackends)("on %s", (backend) => {
    it.each(names)("%s: logits", async (name) => {
      const path = join(folder ?? "", name);
      const { values, sequences } = await readReference(join(path, "expected.safetensors"), "seq");
      using model = await load(path, backend);
      for (const { id, tokens } of sequences) {
        const logits = await model.logits(tokens, null);
        expect(largestDifference(logits, tensorOf(values, `seq.${id}.logits`)), `sequence ${id}`).toBeLessThan(1e-4);
      }
    });

    it.each(names)("%s: loss and gradients", async (name) => {
      const path = join(folder ?? "", name);
      const { values, sequences } = await readReference(join(path, "expected.safetensors"), "seq");
      using model = await load(path, backend);
      using adapter = model.createAdapter({ rank: 4, scale: 2, targets: allTargets });
      fillAdapter(adapter, values, "lora.");
      using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0 });
      const { loss } = await trainer.accumulate(meanLossBatch(sequences));
      expect(relativeDistance([loss], tensorOf(values, "loss"))).toBeLessThan(1e-4);
      expect(adapter.tensors().length).toBe(3 * 7 * 2);
      for (const { name: tensor } of adapter.tensors()) {
        const expected = tensorOf(values, peftName(tensor, "grad."));
        expect(relativeDistance(trainer.gradient(tensor), expected), tensor).toBeLessThan(1e-4);
      }
    });
  });
});
