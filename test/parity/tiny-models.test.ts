// Every architecture against transformers and peft: logits, the loss, and the gradients of an adapter on all seven linear layers.
import { describe, expect, it } from "vitest";
import { largestDifference, relativeDistance } from "./compare.js";
import { allBackends, allTargets, fillAdapter, load, peftName, tensorOf } from "./loaded-model.js";
import { meanLossBatch, readReference } from "./reference-batch.js";
import { tinyCases as cases } from "./tiny-cases.js";

describe.each(allBackends)("tiny models on %s", (backend) => {
  it.each(cases)("$name: logits", async ({ model: path, expected }) => {
    const { values, sequences } = await readReference(expected, "seq");
    using model = await load(path, backend);
    expect(sequences.length).toBeGreaterThan(0);
    for (const { id, tokens } of sequences) {
      const logits = await model.logits(tokens, null);
      expect(largestDifference(logits, tensorOf(values, `seq.${id}.logits`)), `sequence ${id}`).toBeLessThan(1e-4);
    }
  });

  const withGradients = cases.filter(({ name }) => !name.startsWith("gguf/"));
  it.each(withGradients)("$name: loss and gradients", async ({ model: path, expected }) => {
    const { values, sequences } = await readReference(expected, "seq");
    using model = await load(path, backend);
    using adapter = model.createAdapter({ rank: 4, scale: 2, targets: allTargets });
    fillAdapter(adapter, values, "lora.");
    using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
    const { loss } = await trainer.accumulate(meanLossBatch(sequences));
    expect(relativeDistance([loss], tensorOf(values, "loss"))).toBeLessThan(1e-4);
    for (const { name: tensor } of adapter.tensors()) {
      const gradient = tensorOf(values, peftName(tensor, "grad."));
      expect(relativeDistance(trainer.gradient(tensor), gradient), tensor).toBeLessThan(1e-4);
    }
  });
});
