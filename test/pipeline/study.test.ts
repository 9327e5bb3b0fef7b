// Studies over many cells, on the tiny chat model: what is shared, what is skipped, what is missing.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Reporter } from "../../src/base/reporter.js";
import { silentReporter } from "../../src/base/reporter.js";
import { runExperiment } from "../../src/experiment/run.js";
import { parseExperiment } from "../../src/experiment/schema.js";
import { runStudy } from "../../src/experiment/study-run.js";
import { parseStudy } from "../../src/experiment/study-schema.js";
import { readRun } from "../../src/report/run-summary.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();

const base = {
  name: "tiny study",
  model: tinyChat,
  threads: 2,
  task: "demo_calls",
  max_samples: 6,
  distill: { max_new_tokens: 6, rules: ["banned-phrase"] },
  train: { max_steps: 2 },
  evaluate: [
    { task: "demo_calls", max_samples: 3, max_new_tokens: 6 },
    { task: "demo_refusals", max_samples: 3, max_new_tokens: 6 },
  ],
};

interface Watched {
  readonly reporter: Reporter;
  readonly stages: string[];
  readonly sentences: string[];
}

function watch(onStage: (stage: string) => void = () => {}): Watched {
  const stages: string[] = [];
  const sentences: string[] = [];
  const say = (sentence: string): void => {
    sentences.push(sentence);
  };
  const progress: Reporter["progress"] = ({ stage }) => {
    if (stages.at(-1) !== stage) stages.push(stage);
    onStage(stage);
  };
  return { stages, sentences, reporter: { progress, finish: say, note: say, warn: say } };
}

const run = (name: string, change: Readonly<Record<string, unknown>>, watched = watch(), signal?: AbortSignal) =>
  runStudy({
    study: parseStudy({ ...base, ...change }, "a test"),
    folder: join(folder, name),
    reporter: watched.reporter,
    signal,
  });

const text = (...parts: string[]): string => readFileSync(join(folder, ...parts), "utf8");
const rows = (...parts: string[]): Record<string, unknown>[] =>
  text(...parts)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const runNames = (name: string): string[] => readdirSync(join(folder, name, "runs")).sort();

describe("a study", () => {
  it("evaluates the seed once, shares rewrites between cells, and leaves a run folder for each training", async () => {
    const watched = watch();
    const outcome = await run(
      "sweep",
      { matrix: { variant: ["seed", "vanilla", "sdft"], samples: [2, 4, 6] } },
      watched,
    );
    expect(outcome.missing).toEqual([]);
    expect(outcome.scores).toHaveLength(7 * 2);
    expect(watched.stages.filter((stage) => stage.includes("evaluate seed"))).toHaveLength(2);
    expect(watched.stages.filter((stage) => stage.includes("distil"))).toHaveLength(1);
    expect(runNames("sweep").map((name) => name.replace(/-[0-9a-f]{8}$/, ""))).toEqual([
      "demo_calls-sdft-using-2-r8-s0",
      "demo_calls-sdft-using-4-r8-s0",
      "demo_calls-sdft-using-6-r8-s0",
      "demo_calls-vanilla-2-r8-s0",
      "demo_calls-vanilla-4-r8-s0",
      "demo_calls-vanilla-6-r8-s0",
      "seed-s0",
    ]);
    expect(rows("sweep", "scores.jsonl")).toEqual(outcome.scores);
    expect(text("sweep", "study.yaml")).toContain("name: tiny study");
    const [smallest = ""] = runNames("sweep");
    const summary = await readRun(join(folder, "sweep", "runs", smallest));
    expect(summary.distilled).toHaveLength(2);
    expect(summary.scores.map(({ variant, samples, dataset }) => [variant, samples, dataset])).toEqual([
      ["sdft", 2, "demo_calls"],
      ["sdft", 2, "demo_calls"],
    ]);
  });

  it("gives the very numbers of single experiments", async () => {
    const { matrix: _, ...single } = { ...base, matrix: null, max_samples: 4 };
    await runExperiment({
      experiment: parseExperiment(single, "a test"),
      folder: join(folder, "single"),
      reporter: silentReporter,
    });
    for (const variant of ["vanilla", "sdft"]) {
      const name = runNames("sweep").find((one) => one.includes(`${variant}-`) && one.includes("-4-r8")) ?? "";
      const adapter = (...parts: string[]): string =>
        readFileSync(join(folder, ...parts, variant, "adapter", "adapter_model.safetensors")).toString("base64");
      expect(adapter("sweep", "runs", name), variant).toBe(adapter("single"));
      expect(text("sweep", "runs", name, variant, "demo_calls", "predictions.jsonl")).toBe(
        text("single", variant, "demo_calls", "predictions.jsonl"),
      );
    }
    const distilled = runNames("sweep").find((one) => one.includes("using-4")) ?? "";
    const ordered = (...parts: string[]): unknown[] =>
      rows(...parts, "sdft", "distilled.jsonl").sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
    expect(ordered("sweep", "runs", distilled)).toEqual(ordered("single"));
  });

  it("does nothing twice, and a larger sweep distils only the rows that are new", async () => {
    const again = watch();
    const before = text("sweep", "scores.jsonl");
    await run("sweep", { matrix: { variant: ["seed", "vanilla", "sdft"], samples: [2, 4, 6] } }, again);
    expect(again.stages).toEqual([]);
    expect(text("sweep", "scores.jsonl")).toBe(before);
    const larger = watch();
    await run("sweep", { matrix: { variant: ["sdft"], samples: [6, 9] } }, larger);
    expect(larger.sentences.filter((sentence) => sentence.includes("Distilled"))).toEqual([
      expect.stringMatching(/of 3 /),
    ]);
  });

  it("takes a mix ratio of 0 for the vanilla run, and distils only what the largest ratio needs", async () => {
    const watched = watch();
    const outcome = await run("mixed", { matrix: { variant: ["vanilla", "sdft"], mix_ratio: [0, 0.5] } }, watched);
    expect(runNames("mixed").map((name) => name.replace(/-[0-9a-f]{8}$/, ""))).toEqual([
      "demo_calls-sdft-using-mix0.5-6-r8-s0",
      "demo_calls-vanilla-6-r8-s0",
    ]);
    const cells = outcome.scores.filter(({ task }) => task === "demo_calls");
    expect(cells.map(({ variant, mix_ratio }) => [variant, mix_ratio])).toEqual([
      ["vanilla", null],
      ["sdft", 0],
      ["sdft", 0.5],
    ]);
    expect(watched.sentences.filter((sentence) => sentence.includes("Distilled"))).toEqual([
      expect.stringMatching(/of 3 /),
    ]);
  });

  it("shares runs with another study beside it", async () => {
    const shared = { runs_folder: "../runs", matrix: { variant: ["seed", "sdft"] } };
    await run(join("both", "one"), shared);
    const watched = watch();
    const evaluate = [{ task: "demo_arithmetic", max_samples: 3, max_new_tokens: 6 }];
    await run(join("both", "two"), { ...shared, evaluate }, watched);
    expect(watched.stages.map((stage) => stage.replace(/^.*: /, ""))).toEqual([
      "evaluate seed on demo_arithmetic",
      "evaluate sdft on demo_arithmetic",
    ]);
    const [name = ""] = readdirSync(join(folder, "both", "runs"));
    const summary = await readRun(join(folder, "both", "runs", name));
    expect([...summary.tasks].sort()).toEqual(["demo_arithmetic", "demo_calls", "demo_refusals"]);
  });

  it("leaves cells missing with the reason, and fills the rest", async () => {
    const outcome = await run("holes", {
      matrix: { variant: ["seed", "vanilla"], task: ["demo_calls", "openfunctions"] },
      evaluate: [...base.evaluate, { task: "gsm8k", data: join(folder, "nowhere.json") }],
    });
    expect(outcome.scores.map(({ variant, task }) => `${variant} ${task}`)).toEqual([
      "seed demo_calls",
      "seed demo_refusals",
      "vanilla demo_calls",
      "vanilla demo_refusals",
    ]);
    const missing = rows("holes", "missing.jsonl");
    expect(missing.map(({ variant, dataset, task, metric }) => [variant, dataset, task, metric])).toEqual([
      ["vanilla", "openfunctions", "demo_calls", "accuracy"],
      ["vanilla", "openfunctions", "demo_refusals", "safe_rate"],
      ["vanilla", "openfunctions", "gsm8k", "accuracy"],
      ["seed", null, "gsm8k", "accuracy"],
      ["vanilla", "demo_calls", "gsm8k", "accuracy"],
    ]);
    expect(missing[0]?.reason).toMatch(/exists only as files/);
    expect(missing.at(-1)?.reason).toMatch(/nowhere\.json/);
  });

  it("interrupted in a shared distillation, goes on to the same rewrites", async () => {
    const matrix = { variant: ["sdft"], samples: [3, 6] };
    await run("whole", { matrix });
    const controller = new AbortController();
    const stopping = watch((stage) => stage.includes("distil") && controller.abort());
    await expect(run("stopped", { matrix }, stopping, controller.signal)).rejects.toMatchObject({
      code: "interrupted",
    });
    await run("stopped", { matrix });
    for (const name of runNames("whole")) {
      const adapter = (study: string): Buffer =>
        readFileSync(join(folder, study, "runs", name, "sdft", "adapter", "adapter_model.safetensors"));
      expect(adapter("stopped").equals(adapter("whole")), name).toBe(true);
    }
  });

  it("labels every row of a smoke study", async () => {
    await run("labelled", {
      label: "smoke",
      matrix: { variant: ["seed"] },
      evaluate: [...base.evaluate, "gsm8k_none"],
    }).catch(() => undefined);
    expect(existsSync(join(folder, "labelled"))).toBe(false);
    await run("labelled", { label: "smoke", matrix: { variant: ["seed"] } });
    expect(rows("labelled", "scores.jsonl").map((row) => row.label)).toEqual(["smoke", "smoke"]);
    const [name = ""] = runNames("labelled");
    expect(rows("labelled", "runs", name, "scores.jsonl").map((row) => row.label)).toEqual(["smoke", "smoke"]);
    expect(text("labelled", "runs", name, "run.yaml")).toContain("(smoke)");
    expect(statSync(join(folder, "labelled", "missing.jsonl")).size).toBe(0);
  });
});
