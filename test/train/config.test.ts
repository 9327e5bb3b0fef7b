import { describe, expect, it } from "vitest";
import {
  batchPlan,
  freshAdapterSettings,
  parseTrainingConfig,
  totalSteps,
  withTaskEpochs,
} from "../../src/train/config.js";

const defaults = { loraRank: 8, loraAlpha: 16, loraDropout: 0 };

describe("parseTrainingConfig", () => {
  it("has the protocol's defaults", () => {
    const config = parseTrainingConfig({}, "a test");
    expect(config).toMatchObject({
      learning_rate: 1e-4,
      lr_scheduler_type: "cosine",
      max_grad_norm: 1,
      weight_decay: 0,
      shuffle: true,
    });
    expect(batchPlan(config, 3)).toEqual({ batchSize: 8, shuffle: "seeded", seed: 3 });
    expect(freshAdapterSettings(config, defaults)).toEqual({
      rank: 8,
      alpha: 16,
      dropout: 0,
      targets: ["q_proj", "v_proj"],
      scaling: "standard",
    });
  });

  it("reads targets as a list, as names with commas, and as all", () => {
    const targets = (lora_target: unknown) => parseTrainingConfig({ lora_target }, "a test").lora_target;
    expect(targets("q_proj, o_proj")).toEqual(["q_proj", "o_proj"]);
    expect(targets(["down_proj"])).toEqual(["down_proj"]);
    expect(targets("all")).toHaveLength(7);
    expect(() => targets("q_proj,head")).toThrow(/lora_target/);
  });

  it("reports all faults together, and the nearest name of an unknown key", () => {
    const parse = () => parseTrainingConfig({ lora_r: 0, learning_rate: "fast", leraning_rate: 1 }, "run.yaml");
    expect(parse).toThrow(/3 settings of run\.yaml/);
    expect(parse).toThrow(/lora_r: expected a whole number from 1 to 256 but received 0/);
    expect(parse).toThrow(/learning_rate: expected a number from 0 on but received "fast"/);
    expect(parse).toThrow(/unknown key "leraning_rate" \(did you mean "learning_rate"\?\)/);
  });

  it("lets max_steps win over epochs and rounds a share of an epoch up", () => {
    expect(totalSteps(parseTrainingConfig({ num_train_epochs: 1.5 }, ""), 3)).toBe(5);
    expect(totalSteps(parseTrainingConfig({}, ""), 3)).toBe(6);
    expect(totalSteps(withTaskEpochs(parseTrainingConfig({}, ""), 5), 3)).toBe(15);
    expect(totalSteps(withTaskEpochs(parseTrainingConfig({ num_train_epochs: 1 }, ""), 5), 3)).toBe(3);
    expect(totalSteps(parseTrainingConfig({ num_train_epochs: 9, max_steps: 4 }, ""), 3)).toBe(4);
  });
});
