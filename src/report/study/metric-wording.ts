// What metrics, tasks and data sets are called, and how their numbers are written.

export interface MetricWording {
  readonly title: string;
  /** `rate`: of rows, shown in percent; `share`: a mean between 0 and 1, as published tools print it; `number`: anything else. */
  readonly kind: "rate" | "share" | "number";
  /** For axes: `%`, `nats per token`. */
  readonly unit: string | null;
}

const rate = (title: string): MetricWording => ({ title, kind: "rate", unit: "%" });
const share = (title: string): MetricWording => ({ title, kind: "share", unit: null });

const metrics: Readonly<Record<string, MetricWording>> = {
  accuracy: rate("accuracy"),
  safe_rate: rate("safe rate"),
  win_rate: rate("win rate"),
  acc: rate("acc"),
  acc_norm: rate("acc_norm"),
  bleu4: share("BLEU-4"),
  rouge_l: share("ROUGE-L"),
  similarity: share("embedding similarity"),
  parameter_shift: { title: "parameter shift", kind: "number", unit: null },
  kl: { title: "KL to the seed", kind: "number", unit: "nats per token" },
  logprob_original: { title: "log-probability of the original answers", kind: "number", unit: "nats per token" },
  logprob_distilled: { title: "log-probability of the distilled answers", kind: "number", unit: "nats per token" },
};

export function metricWording(metric: string): MetricWording {
  return metrics[metric] ?? (metric.startsWith("pass@") ? rate(metric) : share(metric.replaceAll("_", " ")));
}

/** Shift metrics in the order of the paper's figures. */
export const shiftMetrics = ["bleu4", "rouge_l", "similarity", "parameter_shift", "kl"] as const;

const names: Readonly<Record<string, string>> = {
  openfunctions: "OpenFunctions",
  gsm8k: "GSM8K",
  multiarith: "MultiArith",
  humaneval: "HumanEval",
  advbench: "AdvBench raw",
  advbench_jailbreak: "AdvBench jailbreak",
  alpaca_eval: "AlpacaEval",
  magicoder: "MagiCoder",
  alpaca: "Alpaca",
  dolly: "Dolly",
  lima: "LIMA",
  openhermes: "OpenHermes",
  mmlu: "MMLU",
  truthfulqa_mc1: "TruthfulQA mc1",
  truthfulqa_mc2: "TruthfulQA mc2",
  arc_easy: "ARC easy",
  arc_challenge: "ARC challenge",
  hellaswag: "HellaSwag",
  winogrande: "Winogrande",
  shift: "shift",
  gap: "gap",
};

/** A task's or data set's name as people write it. */
export function datasetTitle(name: string): string {
  return names[name] ?? name.replaceAll("_", " ");
}

/** Benchmarks answered by comparing log-likelihoods, in the order in which they are shown. */
export const knowledgeTasks = [
  "mmlu",
  "truthfulqa_mc1",
  "truthfulqa_mc2",
  "arc_easy",
  "arc_challenge",
  "hellaswag",
  "winogrande",
] as const;

/** The test that a training task aims at; null for instruction data without one. */
export function targetTask(dataset: string): string | null {
  if (dataset === "magicoder") return "humaneval";
  return ["alpaca", "dolly", "lima", "openhermes"].includes(dataset) ? null : dataset;
}

/** `36.6`, `0.731`, `1.24`: without unit. */
export function writeNumber(value: number, kind: MetricWording["kind"]): string {
  if (kind === "rate") return (100 * value).toFixed(1);
  if (kind === "share") return value.toFixed(3);
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(3);
}
