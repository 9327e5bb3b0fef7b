// The columns and rows that several of the paper's tables share.
import type { PaperColumn, PaperRow } from "./published.js";

export const openfunctionsColumn: PaperColumn = {
  title: "OpenFunctions",
  task: "openfunctions",
  metric: "accuracy",
};
export const gsm8kColumn: PaperColumn = { title: "GSM8K", task: "gsm8k", metric: "accuracy" };
export const humanevalColumn: PaperColumn = { title: "HumanEval", task: "humaneval", metric: "pass@1" };
export const rawSafeColumn: PaperColumn = { title: "Raw Safe Rate", task: "advbench", metric: "safe_rate" };
export const jailbreakColumn: PaperColumn = {
  title: "Jailbreak Safe Rate",
  task: "advbench_jailbreak",
  metric: "safe_rate",
};
export const winRateColumn: PaperColumn = { title: "Win Rate", task: "alpaca_eval", metric: "win_rate" };

export const seedRow: PaperRow = {
  method: "Seed LM",
  title: null,
  variant: "seed",
  dataset: null,
  distillTemplate: null,
};

/** Rows of one method, one for each training task. */
export function methodRows(variant: "vanilla" | "sdft", datasets: readonly (readonly [task: string, title: string])[]) {
  return datasets.map(
    ([dataset, title]): PaperRow => ({
      method: variant === "vanilla" ? "Vanilla FT" : "SDFT (Ours)",
      title,
      variant,
      dataset,
      distillTemplate: null,
    }),
  );
}
