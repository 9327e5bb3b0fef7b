// Every architecture against transformers and peft: logits, the loss, and the gradients of an adapter on all seven linear layers.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixturesFolder, sharedPath } from "../shared-folder.js";
import { largestDifference, relativeDistance } from "./compare.js";
import { allBackends, allTargets, fillAdapter, load, peftName, tensorOf } from "./loaded-model.js";
import { meanLossBatch, readReference } from "./reference-batch.js";

interface Case {
  readonly name: string;
  readonly model: string;
  readonly expected: string;
}

/** Folders with a model and an expected.safetensors; a GGUF is preferred where there is one. */
function casesIn(folder: string | null, label: string): Case[] {
  if (folder === null) return [];
  return readdirSync(folder)
    .map((name) => ({ name, path: join(folder, name), expected: join(folder, name, "expected.safetensors") }))
    .filter(({ expected }) => existsSync(expected))
    .map(({ name, path, expected }) => {
      const gguf = join(path, "model.gguf");
      return { name: `${label}/${name}`, model: existsSync(gguf) ? gguf : path, expected };
    });
}

const cases = [
  ...casesIn(join(fixturesFolder, "tiny"), "fixtures"),
  ...casesIn(join(fixturesFolder, "gguf"), "gguf"),
  ...casesIn(sharedPath("reference", "tiny"), "reference"),
];

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
