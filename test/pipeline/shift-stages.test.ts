// Shift and gap as stages of experiments and studies, with the small encoder of examples/smoke.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { runExperiment } from "../../src/experiment/run.js";
import { parseExperiment } from "../../src/experiment/schema.js";
import { runStudy } from "../../src/experiment/study-run.js";
import { parseStudy } from "../../src/experiment/study-schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const encoder = fileURLToPath(new URL("../../examples/smoke/encoder", import.meta.url));
const base = {
  name: "moved",
  model: tinyChat,
  threads: 1,
  task: "demo_calls",
  max_samples: 6,
  distill: { max_new_tokens: 6, rules: ["banned-phrase"] },
  train: { max_steps: 2, learning_rate: 0.1 },
  evaluate: [{ task: "demo_refusals", max_samples: 3, max_new_tokens: 6 }],
  shift: { task: "demo_refusals", encoder, kl: true },
  gap: true,
};
const reporter = silentReporter;

describe("shift and gap", () => {
  it("are rows of a single experiment's scores, with their own rows beside the predictions", async () => {
    const run = join(folder, "single");
    const { scores } = await runExperiment({ experiment: parseExperiment(base, "a test"), folder: run, reporter });
    const moved = scores.filter(({ task }) => task === "shift" || task === "gap");
    expect(moved.map(({ variant, metric }) => `${variant} ${metric}`)).toEqual([
      "vanilla bleu4",
      "vanilla rouge_l",
      "vanilla similarity",
      "vanilla parameter_shift",
      "vanilla kl",
      "sdft bleu4",
      "sdft rouge_l",
      "sdft similarity",
      "sdft parameter_shift",
      "sdft kl",
      "sdft logprob_original",
      "sdft logprob_distilled",
    ]);
    expect(moved.find(({ metric }) => metric === "parameter_shift")?.value).toBeGreaterThan(0);
    expect(moved.find(({ metric }) => metric === "kl")?.value).toBeGreaterThan(0);
    const rows = readFileSync(join(run, "vanilla", "shift", "rows.jsonl"), "utf8")
      .trim()
      .split("\n");
    expect(rows).toHaveLength(3);
    expect(Object.keys(JSON.parse(rows[0] ?? "{}"))).toEqual(["id", "bleu4", "rouge_l", "similarity", "kl"]);
  });

  it("are the same in a study, and a mix ratio of 0 has no gap", async () => {
    const study = parseStudy({ ...base, matrix: { variant: ["seed", "sdft"], mix_ratio: [0, 1] } }, "a test");
    const outcome = await runStudy({ study, folder: join(folder, "study"), reporter });
    expect(outcome.missing).toEqual([]);
    const single = readFileSync(join(folder, "single", "scores.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const [variant, mix] of [
      ["vanilla", 0],
      ["sdft", 1],
    ] as const) {
      const values = (rows: readonly { task: string; metric: string; value: number }[]): unknown[] =>
        rows.filter(({ task }) => task === "shift" || task === "gap").map(({ metric, value }) => [metric, value]);
      const cell = outcome.scores.filter((row) => row.mix_ratio === mix);
      expect(values(cell)).toEqual(values(single.filter((row) => row.variant === variant)));
    }
  });

  it("without an encoder lack the similarity alone", async () => {
    const shift = { task: "demo_refusals", encoder: join(folder, "no-encoder") };
    const study = parseStudy({ ...base, shift, gap: false, matrix: { variant: ["seed", "vanilla"] } }, "a test");
    const outcome = await runStudy({ study, folder: join(folder, "blind"), reporter });
    expect(outcome.missing).toEqual([
      expect.objectContaining({ variant: "vanilla", task: "shift", metric: "similarity" }),
    ]);
    expect(outcome.missing[0]?.reason).toMatch(/no-encoder/);
    expect(outcome.scores.filter(({ task }) => task === "shift").map(({ metric }) => metric)).toEqual([
      "bleu4",
      "rouge_l",
      "parameter_shift",
    ]);
  });

  it("need the seed's answers to a test of the study", async () => {
    const run = (change: object) => {
      const study = parseStudy({ ...base, matrix: { variant: ["seed", "vanilla"] }, ...change }, "a test");
      return runStudy({ study, folder: join(folder, "refused"), reporter });
    };
    await expect(run({ matrix: { variant: ["vanilla"] } })).rejects.toThrow(/Expected seed among the variants/);
    await expect(run({ shift: { task: "gsm8k" } })).rejects.toThrow(/Expected gsm8k among the tests/);
    const experiment = parseExperiment({ ...base, variants: ["sdft"] }, "a test");
    await expect(runExperiment({ experiment, folder: join(folder, "refused"), reporter })).rejects.toThrow(
      /Expected seed among the variants/,
    );
  });
});
