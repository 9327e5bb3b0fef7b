// How numbers and names are worded, the same in terminal, Markdown and HTML.

import { rules } from "../distill/rules/registry.js";
import type { ScoreRow } from "../eval/prediction.js";
import type { Comparison, RewriteYield, RunSummary, VariantName } from "./run-summary.js";
import { isMeasure } from "./run-summary.js";

export const variantTitles: Readonly<Record<VariantName, string>> = {
  seed: "seed model",
  vanilla: "vanilla fine-tuning",
  sdft: "self-distillation (SDFT)",
};

/** `52.1`: a rate in percent. */
export function percent(value: number): string {
  return (100 * value).toFixed(1);
}

/** `52.1 % [38.3, 65.5]`. */
export function rate(score: Pick<ScoreRow, "value" | "low" | "high">): string {
  return `${percent(score.value)} % [${percent(score.low)}, ${percent(score.high)}]`;
}

/** `demo_calls: accuracy, n = 48`. */
export function columnTitle(summary: RunSummary, task: string): string {
  const score = summary.scores.find((one) => one.task === task);
  return score === undefined ? task : `${task}: ${score.metric.replaceAll("_", " ")}, n = ${score.n}`;
}

export function findScore(summary: RunSummary, variant: VariantName, task: string): ScoreRow | undefined {
  return summary.scores.find((score) => score.variant === variant && score.task === task);
}

/** `57 of 96 rewrites kept (59.4 %)`. */
export function yieldSentence(counts: RewriteYield): string {
  return `${counts.kept} of ${counts.total} rewrites kept (${percent(counts.kept / Math.max(1, counts.total))} %)`;
}

/** `wrong-answer: no longer gives the reference answer`. */
export function reasonText(reason: string): string {
  const rule = Object.entries(rules).find(([name]) => name === reason)?.[1];
  return rule === undefined ? reason : `${reason}: ${rule.reason}`;
}

/** `0.031`, `< 0.001`. */
export function probability(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

export function comparisonSentence(comparison: Comparison): string {
  const { retained, lost, gained, missed } = comparison;
  return `retained ${retained}, lost ${lost}, gained ${gained}, wrong both times ${missed}, p = ${probability(comparison.p)}`;
}

/** What the run was made with, as label and value. */
export function facts(summary: RunSummary): readonly (readonly [string, string])[] {
  const { manifest } = summary;
  const { engine, machine } = manifest;
  const list: [string, string][] = [
    ["Model", manifest.model.name],
    [
      "Backend",
      `${engine.backend}, weights ${engine.weights}, ${engine.compute === "int" ? "integer products, " : ""}${engine.threads} threads, engine revision ${engine.revision}`,
    ],
    ["Machine", `${machine.cpu}, ${machine.cores} cores, ${gigabytes(machine.memory)} GB memory, Node ${machine.node}`],
  ];
  if (manifest.seconds !== null) list.push(["Time of the last command", `${Math.round(manifest.seconds)} s`]);
  if (manifest.peak_memory !== null) list.push(["Most memory", `${gigabytes(manifest.peak_memory)} GB`]);
  return list;
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0);
}

/** Shift and gap, one line for each number: they are no shares, so they stand beside the table. */
export function measureLines(summary: RunSummary): string[] {
  return summary.scores
    .filter(({ task }) => isMeasure(task))
    .map(({ task, metric, variant, value, low, high, n }) => {
      const interval = low === high ? "" : ` [${measure(low)}, ${measure(high)}]`;
      return `${task}: ${metric}, ${variantTitles[variant]}: ${measure(value)}${interval}, n = ${n}`;
    });
}

/** Three decimals, or three digits of what would vanish in them. */
function measure(value: number): string {
  return Math.abs(value) < 0.01 && value !== 0 ? value.toPrecision(3) : value.toFixed(3);
}
