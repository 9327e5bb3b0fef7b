import { describe, expect, it } from "vitest";
import { stageSampling } from "../../src/experiment/stage-settings.js";
import { getTask } from "../../src/tasks/registry.js";
import { getPreset } from "../../src/templates/presets.js";

describe("stageSampling", () => {
  const paper = getPreset("paper");

  it("takes the preset's sampling and the smaller of both limits", () => {
    expect(stageSampling(paper, getTask("gsm8k"), {}, 3)).toMatchObject({
      temperature: 0.6,
      topP: 0.9,
      stop: [],
      seed: 3,
    });
    expect(stageSampling(paper, getTask("demo_calls"), {}, 0).maxNewTokens).toBe(96);
  });

  it("answers HumanEval greedily and up to its stop strings, unless a temperature is asked for", () => {
    const task = getTask("humaneval");
    expect(stageSampling(paper, task, {}, 0)).toMatchObject({ temperature: 0, stop: task.stop });
    expect(task.stop).toContain("\ndef");
    expect(stageSampling(paper, task, { temperature: 0.2 }, 0).temperature).toBe(0.2);
  });
});
