import { describe, expect, it } from "vitest";
import { expandStudy } from "../../src/experiment/expand-study.js";
import { scaleStudy } from "../../src/experiment/scale.js";
import { isStudy, parseStudy } from "../../src/experiment/study-schema.js";

const base = { name: "x", task: "gsm8k", evaluate: ["gsm8k"] };
const cells = (change: Readonly<Record<string, unknown>>) =>
  expandStudy(parseStudy({ ...base, ...change }, "x.yaml")).map(({ variant, experiment }) => ({
    variant,
    task: experiment.task,
    samples: experiment.max_samples,
    template: experiment.distill.template,
    mix: experiment.mix_ratio,
    rank: experiment.train.lora_r,
    seed: experiment.seed,
  }));

describe("expandStudy", () => {
  it("combines every value of the matrix, the seed model first and once", () => {
    const made = cells({ matrix: { variant: ["seed", "vanilla", "sdft"], task: ["gsm8k", "dolly"], rank: [4, 8] } });
    expect(made.map(({ variant, task, rank }) => [variant, task, rank])).toEqual([
      ["seed", "gsm8k", 4],
      ["vanilla", "gsm8k", 4],
      ["sdft", "gsm8k", 4],
      ["vanilla", "gsm8k", 8],
      ["sdft", "gsm8k", 8],
      ["vanilla", "dolly", 4],
      ["sdft", "dolly", 4],
      ["vanilla", "dolly", 8],
      ["sdft", "dolly", 8],
    ]);
  });

  it("has a seed model for each random seed, and one vanilla training for all that only rewrites differ in", () => {
    const made = cells({ matrix: { seed: [1, 2], distill_template: ["using", "refer"], mix_ratio: [0.5, 1] } });
    expect(made.filter(({ variant }) => variant === "seed")).toHaveLength(2);
    expect(made.filter(({ variant }) => variant === "vanilla")).toHaveLength(2);
    expect(made.filter(({ variant }) => variant === "sdft")).toHaveLength(8);
  });

  it("takes listed cells, and the settings of a task's own", () => {
    const made = cells({
      tasks: { dolly: { samples: 10, rank: 2 } },
      cells: [
        { task: "dolly", variant: "vanilla" },
        { task: "dolly", variant: "sdft", samples: 20, train: { lora_r: 16 } },
        { variant: "vanilla" },
      ],
    });
    expect(made.map(({ task, samples, rank }) => [task, samples, rank])).toEqual([
      ["dolly", 10, 2],
      ["dolly", 20, 16],
      ["gsm8k", null, undefined],
    ]);
  });

  it("names the cell and the key that is wrong", () => {
    expect(() => parseStudy({ ...base, matrix: { sampels: [1] } }, "x.yaml")).toThrow(
      /unknown key "matrix\.sampels" \(did you mean "samples"\?\)/,
    );
    expect(() => parseStudy({ ...base, matrx: {}, cells: [{}] }, "x.yaml")).toThrow(
      /unknown key "matrx" \(did you mean "matrix"\?\)/,
    );
    expect(() => cells({ cells: [{ train: { lora_r: 0 } }] })).toThrow(/x\.yaml, cell 1 .*train\.lora_r/);
    expect(() => cells({ matrix: {}, task: undefined })).toThrow(/task: expected a task/);
    expect(() => cells({ matrix: { samples: [] } })).toThrow(/at least one of sample sizes/);
    expect([isStudy({ matrix: {} }), isStudy({ cells: [] }), isStudy(base)]).toEqual([true, true, false]);
  });
});

describe("scaleStudy", () => {
  it("shrinks a sweep as a whole, and caps everything else", () => {
    const study = {
      ...base,
      matrix: { samples: [500, 1000, 2000] },
      cells: [{ samples: 4 }, {}],
      distill: { max_new_tokens: 100 },
      evaluate: ["gsm8k", { task: "advbench", max_samples: 3, temperature: 0 }, "hellaswag"],
    };
    const scaled = scaleStudy(study, { samples: 8, epochs: 1, test_samples: 5, test_tokens: 32, distill_tokens: 200 });
    expect(scaled).toMatchObject({
      max_samples: 8,
      matrix: { samples: [2, 4, 8] },
      cells: [{ samples: 4 }, { samples: 8 }],
      distill: { max_new_tokens: 100 },
      train: { num_train_epochs: 1 },
    });
    // Multiple choice generates nothing, so there is nothing to cut short.
    expect(scaled.evaluate).toEqual([
      { task: "gsm8k", max_samples: 5, max_new_tokens: 32 },
      { task: "advbench", max_samples: 3, temperature: 0, max_new_tokens: 32 },
      { task: "hellaswag", max_samples: 5 },
    ]);
  });

  it("does not enlarge a sweep, and gives shift settings only to studies that measure it", () => {
    const larger = scaleStudy({ ...base, matrix: { samples: [2, 4] } }, { samples: 100 });
    expect(larger.matrix).toEqual({ samples: [2, 4] });
    const scale = { settings: { shift: { encoder: "e" }, label: "smoke" } };
    expect(scaleStudy(base, scale)).toEqual({ ...base, evaluate: [{ task: "gsm8k" }], label: "smoke" });
    expect(scaleStudy({ ...base, shift: { task: "advbench" } }, scale).shift).toEqual({
      task: "advbench",
      encoder: "e",
    });
  });
});
