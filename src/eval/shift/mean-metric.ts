// A metric that is a mean over rows, with its 95 % bootstrap interval.
import { bootstrapMean } from "../../metrics/bootstrap.js";
import type { MetricValue } from "../../tasks/score.js";

export function meanMetric(metric: string, values: readonly number[], seed: number): MetricValue {
  return { metric, ...bootstrapMean(values, { seed }) };
}
