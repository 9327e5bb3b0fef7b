// What a run that has not come to its end still has to do, from its configuration and its manifest.
import type { RunSummary } from "./run-summary.js";

/** `train sdft`, `evaluate sdft gsm8k`: the stages' names in the manifest, in the order of the work. */
export function openStages({ config, manifest }: Pick<RunSummary, "config" | "manifest">): string[] {
  const variants = Array.isArray(config.variants) ? config.variants.map(String) : [];
  const tasks = Array.isArray(config.evaluate) ? config.evaluate.flatMap(taskName) : [];
  const stages = variants.flatMap((variant) => [
    ...(variant === "sdft" ? ["distill"] : []),
    ...(variant === "seed" ? [] : [`train ${variant}`]),
    ...tasks.map((task) => `evaluate ${variant} ${task}`),
  ]);
  return stages.filter((name) => !Object.hasOwn(manifest.stages, name));
}

function taskName(entry: unknown): string[] {
  if (typeof entry === "string") return [entry];
  return typeof entry === "object" && entry !== null && "task" in entry ? [String(entry.task)] : [];
}
