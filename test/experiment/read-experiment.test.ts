import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { applyOverrides, readExperiment } from "../../src/experiment/read-experiment.js";
import { parseExperiment } from "../../src/experiment/schema.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const minimal = { name: "x", task: "gsm8k", evaluate: ["gsm8k", { task: "advbench", max_samples: 5 }] };

describe("parseExperiment", () => {
  it("fills in defaults, and takes a task's name for a task", () => {
    const experiment = parseExperiment(minimal, "x.yaml");
    expect(experiment).toMatchObject({
      seed: 0,
      preset: "default",
      mix_ratio: 1,
      variants: ["seed", "vanilla", "sdft"],
      distill: { attempts: 1 },
    });
    expect(experiment.evaluate).toEqual([{ task: "gsm8k" }, { task: "advbench", max_samples: 5 }]);
    expect(experiment.train).toMatchObject({ learning_rate: 1e-4, max_steps: -1 });
    expect(experiment.train.num_train_epochs).toBeUndefined();
  });

  it("reports all faults together, nested ones by their path, with the nearest name", () => {
    const bad = { ...minimal, sed: 1, train: { lora_r: 0, warmup_step: 2 }, mix_ratio: 2, distill: { atempts: 3 } };
    const parse = () => parseExperiment(bad, "x.yaml");
    expect(parse).toThrow(/5 settings of x\.yaml/);
    expect(parse).toThrow(/unknown key "sed" \(did you mean "seed"\?\)/);
    expect(parse).toThrow(/unknown key "train\.warmup_step" \(did you mean "warmup_steps"\?\)/);
    expect(parse).toThrow(/unknown key "distill\.atempts" \(did you mean "attempts"\?\)/);
    expect(parse).toThrow(/train\.lora_r: expected a whole number from 1 to 256 but received 0/);
    expect(parse).toThrow(/mix_ratio: expected a number from 0 to 1 but received 2/);
  });

  it("refuses sampling that could draw nothing, under the file's own names", () => {
    const distill = { top_p: 0, min_p: 1, repetition_penalty: 0 };
    const parse = () => parseExperiment({ ...minimal, distill }, "x.yaml");
    expect(parse).toThrow(/distill\.top_p: expected a number over 0 and at most 1 but received 0/);
    expect(parse).toThrow(/distill\.min_p: expected a number from 0 to under 1 but received 1/);
    expect(parse).toThrow(/distill\.repetition_penalty: expected a number over 0 but received 0/);
  });
});

describe("readExperiment", () => {
  it("applies overrides in order, with YAML values", () => {
    const changed = applyOverrides({ train: { learning_rate: 1 }, name: "a" }, [
      "train.learning_rate=1e-3",
      "train.lora_target=[q_proj]",
      "distill.attempts=2",
      "template=null",
    ]);
    expect(changed).toEqual({
      train: { learning_rate: 0.001, lora_target: ["q_proj"] },
      name: "a",
      distill: { attempts: 2 },
      template: null,
    });
    expect(() => applyOverrides({}, ["nonsense"])).toThrow(/Expected key=value/);
  });

  it("says what is wrong with a file", async () => {
    const path = join(folder, "bad.yaml");
    writeFileSync(path, "name: [a\n");
    await expect(readExperiment(path, [])).rejects.toThrow(/bad\.yaml is not valid YAML/);
    writeFileSync(path, "");
    await expect(readExperiment(path, [])).rejects.toThrow(/Expected keys and values in .*bad\.yaml/);
    await expect(readExperiment(join(folder, "none.yaml"), [])).rejects.toThrow(
      /Expected an experiment file at .*none\.yaml/,
    );
  });

  const examples = new URL("../../examples/", import.meta.url);
  it.each(readdirSync(examples).filter((name) => name.endsWith(".yaml")))("accepts examples/%s", async (name) => {
    await expect(readExperiment(new URL(name, examples).pathname, [])).resolves.toBeDefined();
  });
});
