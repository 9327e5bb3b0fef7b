// A small made-up run for the report's tests, with texts that try to break out of the page.
import type { PredictionRow, ScoreRow } from "../../src/eval/prediction.js";
import type { RunSummary, TaskPredictions, VariantName } from "../../src/report/run-summary.js";
import { compareWithSeed, countYield } from "../../src/report/run-summary.js";

export const attack = `<script>alert("x")</script><img src=x onerror='alert(1)'>\u0007`;

const verdicts: Record<VariantName, boolean[]> = {
  seed: [true, true, false, false],
  vanilla: [true, false, true, false],
  sdft: [true, true, true, false],
};

function predictions(variant: VariantName): TaskPredictions {
  const rows = verdicts[variant].map(
    (correct, index): PredictionRow => ({
      id: `t${index}`,
      prompt: attack,
      output: attack,
      label: "7",
      correct,
      finish: index === 3 ? "length" : "stop",
      tokens: 5,
    }),
  );
  return { variant, task: "gsm8k", rows };
}

function score(variant: VariantName, value: number): ScoreRow {
  const trained = variant !== "seed";
  return {
    variant,
    dataset: trained ? "d" : null,
    template: "chat",
    distill_template: null,
    mix_ratio: null,
    samples: null,
    rank: null,
    seed: 0,
    task: "gsm8k",
    metric: "accuracy",
    value,
    n: 4,
    low: value / 2,
    high: (1 + value) / 2,
  };
}

const distilled = [
  {
    id: "a",
    instruction: attack,
    original: "5",
    response: "It is 5.",
    source: "model",
    reason: null,
    finish: "stop",
    rejected: null,
    attempts: [],
  },
  {
    id: "b",
    instruction: "2+2",
    original: "4",
    response: "4",
    source: "original",
    reason: "wrong-answer",
    finish: "stop",
    rejected: attack,
    attempts: [
      { sample: 0, text: attack, verdict: { rule: "wrong-answer", detail: "found 3", logprob: -2.5, chosen: false } },
      { sample: 1, text: "4?", verdict: { rule: "not-ended", detail: null, logprob: -0.5, chosen: false } },
    ],
  },
  {
    id: "c",
    instruction: "2+3",
    original: "5",
    response: "5",
    source: "original",
    reason: "wrong-answer",
    finish: "length",
    rejected: "no",
    attempts: [],
  },
] as const;

const all = (["seed", "vanilla", "sdft"] as const).map(predictions);

export const summary: RunSummary = {
  folder: "/runs/x",
  name: "A run | with *marks*",
  manifest: {
    format: 1,
    sdft: "0.1.0",
    started: "2026-01-02T03:04:05Z",
    seconds: 61.2,
    peak_memory: 5e8,
    model: { name: "tiny", fingerprint: "f" },
    engine: {
      revision: 1,
      compiler: "c",
      backend: "cpu",
      weights: "native",
      compute: "f32",
      threads: 2,
      cpu_features: [],
      addon: "a",
    },
    machine: { cpu: "a processor", cores: 2, memory: 8e9, node: "v20", platform: "linux x64" },
    stages: {},
  },
  config: { name: "A run", seed: 0 },
  scores: [score("seed", 0.5), score("vanilla", 0.5), score("sdft", 0.75)],
  variants: ["seed", "vanilla", "sdft"],
  tasks: ["gsm8k"],
  yield: countYield(distilled),
  comparisons: compareWithSeed(all),
  logs: [
    {
      variant: "vanilla",
      rows: [1, 2, 3].map((step) => ({
        step,
        loss: 2 / step,
        grad_norm: 1,
        learning_rate: 1e-4,
        tokens: 10,
        tokens_per_second: 5,
        time: step,
      })),
    },
  ],
  predictions: all,
  shifts: [],
  distilled,
};
