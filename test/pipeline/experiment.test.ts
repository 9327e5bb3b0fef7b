// The whole way from an experiment file to a report, on the tiny chat model.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Progress, Reporter } from "../../src/base/reporter.js";
import { runExperiment } from "../../src/experiment/run.js";
import { type ExperimentInput, parseExperiment } from "../../src/experiment/schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();

const input: ExperimentInput = {
  name: "tiny",
  model: tinyChat,
  threads: 2,
  task: "demo_calls",
  max_samples: 6,
  distill: { attempts: 2, max_new_tokens: 6, rules: ["banned-phrase"] },
  train: { max_steps: 3, save_steps: 1, lora_dropout: 0.1 },
  evaluate: [
    { task: "demo_calls", max_samples: 3, max_new_tokens: 6 },
    { task: "demo_refusals", max_samples: 3, max_new_tokens: 6 },
  ],
};

interface Watched {
  readonly reporter: Reporter;
  readonly stages: string[];
}

function watch(onProgress: (progress: Progress) => void = () => {}): Watched {
  const stages: string[] = [];
  const reporter: Reporter = {
    progress: (progress) => {
      if (stages.at(-1) !== progress.stage) stages.push(progress.stage);
      onProgress(progress);
    },
    finish: () => {},
    note: () => {},
    warn: () => {},
  };
  return { reporter, stages };
}

const run = (
  name: string,
  change: Partial<ExperimentInput> = {},
  { reporter }: Watched = watch(),
  signal?: AbortSignal,
) =>
  runExperiment({
    experiment: parseExperiment({ ...input, ...change }, "a test"),
    folder: join(folder, name),
    reporter,
    signal,
  });

const text = (...parts: string[]): string => readFileSync(join(folder, ...parts), "utf8");

/** What has to be equal between two runs: every row and every number, but times. */
function results(name: string): unknown {
  const log = (variant: string): unknown[] =>
    text(name, variant, "log.jsonl")
      .trim()
      .split("\n")
      .map((line) => ({ ...JSON.parse(line), time: 0, tokens_per_second: 0 }));
  return {
    distilled: text(name, "sdft", "distilled.jsonl"),
    logs: [log("vanilla"), log("sdft")],
    adapters: ["vanilla", "sdft"].map((variant) =>
      readFileSync(join(folder, name, variant, "adapter", "adapter_model.safetensors")).toString("base64"),
    ),
    predictions: ["seed", "vanilla", "sdft"].map((variant) => text(name, variant, "demo_calls", "predictions.jsonl")),
    scores: text(name, "scores.jsonl"),
  };
}

describe("an experiment", () => {
  it("leaves rows, scores, adapters, a manifest and reports, and the table comes from them", async () => {
    const summary = await run("whole");
    for (const file of [
      "manifest.json",
      "run.yaml",
      "scores.jsonl",
      "report.html",
      "report.md",
      "sdft/dataset_info.json",
      "sdft/distilled_calls_train.json",
      "vanilla/adapter/adapter_config.json",
    ]) {
      expect(existsSync(join(folder, "whole", file)), file).toBe(true);
    }
    expect(summary.scores).toHaveLength(6);
    expect(summary.scores.map(({ variant, task }) => `${variant} ${task}`)).toContain("sdft demo_refusals");
    expect(summary.yield).toMatchObject({ total: 6, kept: 6 });
    expect(summary.comparisons).toHaveLength(4);
    expect(summary.manifest).toMatchObject({ format: 1, engine: { backend: "cpu" } });
    expect(Object.keys(summary.manifest.stages)).toEqual([
      "evaluate seed demo_calls",
      "evaluate seed demo_refusals",
      "distill",
      "train vanilla",
      "evaluate vanilla demo_calls",
      "evaluate vanilla demo_refusals",
      "train sdft",
      "evaluate sdft demo_calls",
      "evaluate sdft demo_refusals",
    ]);
    expect(text("whole", "vanilla", "log.jsonl")).not.toBe(text("whole", "sdft", "log.jsonl"));
  });

  it("does nothing twice: unchanged stages are skipped, and a change runs only what depends on it", async () => {
    const again = watch();
    await run("whole", {}, again);
    expect(again.stages).toEqual([]);
    const changed = watch();
    const evaluate = [{ task: "demo_calls", max_samples: 2, max_new_tokens: 6 }, ...input.evaluate.slice(1)];
    await run("whole", { evaluate }, changed);
    expect(changed.stages).toEqual(["seed", "vanilla", "sdft"].map((variant) => `evaluate ${variant} on demo_calls`));
  });

  it("leaves out of the report what an earlier configuration left behind", async () => {
    await run("shrunk", { variants: ["seed"] });
    const summary = await run("shrunk", { variants: ["seed"], evaluate: input.evaluate.slice(0, 1) });
    expect(summary.tasks).toEqual(["demo_calls"]);
  });

  it("interrupted anywhere, goes on to the same results", async () => {
    await run("reference");
    for (const [name, stage] of [
      ["stopped-distilling", "distil"],
      ["stopped-training", "train vanilla"],
      ["stopped-evaluating", "evaluate sdft on demo_calls"],
    ] as const) {
      const controller = new AbortController();
      const stopping = watch((progress) => progress.stage === stage && controller.abort());
      await expect(run(name, {}, stopping, controller.signal), stage).rejects.toMatchObject({
        code: "interrupted",
        message: expect.not.stringContaining("--resume"), // which only train has
      });
      expect(existsSync(join(folder, name, "report.html"))).toBe(false);
      const resumed = watch();
      await run(name, {}, resumed);
      expect(resumed.stages).not.toContain("evaluate seed on demo_calls");
      expect(results(name), stage).toEqual(results("reference"));
    }
  });

  it("with a mix ratio of 0 trains exactly what vanilla trains", async () => {
    await run("unmixed", { mix_ratio: 0 });
    const adapter = (variant: string): Buffer =>
      readFileSync(join(folder, "unmixed", variant, "adapter", "adapter_model.safetensors"));
    expect(adapter("sdft").equals(adapter("vanilla"))).toBe(true);
  });

  it("finds bad input before it touches the folder", async () => {
    const bad = join(folder, "bad.json");
    writeFileSync(bad, '[{"instruction":"a","output":"no call"}]');
    await expect(run("bad", { data: bad, distill: {} })).rejects.toThrow(/row 0 to be a function call/);
    await expect(run("bad", { task: "demo_cals" })).rejects.toThrow(/Expected a task/);
    await expect(run("bad", { train: { cutoff_len: 20 } })).rejects.toThrow(/longer than the cut-off/);
    expect(existsSync(join(folder, "bad"))).toBe(false);
  });

  it("refuses a folder made by a newer version, and leaves it alone", async () => {
    const path = join(folder, "whole", "manifest.json");
    writeFileSync(path, '{"format":2}');
    const before = statSync(join(folder, "whole", "report.html")).mtimeMs;
    await expect(run("whole")).rejects.toThrow(/format 2/);
    expect(statSync(join(folder, "whole", "report.html")).mtimeMs).toBe(before);
  });
});
