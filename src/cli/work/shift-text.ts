// The content of shift.json, and the same as a table for people.
import Table from "cli-table3";
import type { MatrixShift } from "../../eval/shift/parameter-shift.js";
import type { PairedCounts } from "../../metrics/statistics.js";
import { metricWording } from "../../report/study/metric-wording.js";
import { probability } from "../../report/wording.js";
import type { MetricValue } from "../../tasks/score.js";

/** With McNemar's exact probability. */
export interface VerdictChange extends PairedCounts {
  readonly p: number;
}

export interface ShiftDocument {
  readonly reference: string | null;
  readonly predictions: string | null;
  readonly adapter: string | null;
  readonly model: string | null;
  readonly data: string | null;
  readonly metrics: readonly (MetricValue & { readonly task: "shift" | "gap" })[];
  /** Right and wrong answers, before and after; null where the files don't judge the same rows. */
  readonly verdicts: VerdictChange | null;
  /** Distilled minus original, with the paired bootstrap's interval; null without --data. */
  readonly gap: { readonly value: number; readonly n: number; readonly low: number; readonly high: number } | null;
  /** Of the parameter shift; null without --adapter. */
  readonly matrices: readonly MatrixShift[] | null;
}

export function shiftText(document: ShiftDocument): string {
  const table = new Table({ head: ["", "mean", "95 % interval", "n"], style: { head: [], border: [] } });
  for (const { metric, value, low, high, n } of document.metrics) {
    const { title, unit } = metricWording(metric);
    const exact = low === value && high === value;
    table.push([
      unit === null ? title : `${title} (${unit})`,
      number(value),
      exact ? "–" : `${number(low)} to ${number(high)}`,
      metric === "parameter_shift" ? `${n} matrices` : String(n),
    ]);
  }
  const lines = [table.toString()];
  if (document.verdicts !== null) {
    const { retained, lost, gained, missed, p } = document.verdicts;
    lines.push(
      `Verdicts: retained ${retained}, lost ${lost}, gained ${gained}, wrong both times ${missed}, p = ${probability(p)} (McNemar's exact test).`,
    );
  }
  if (document.gap !== null) {
    const { value, low, high } = document.gap;
    lines.push(`Distilled minus original: ${number(value)} [${number(low)}, ${number(high)}] nats per token, paired.`);
  }
  const largest = [...(document.matrices ?? [])].sort((a, b) => b.share - a.share).slice(0, 3);
  if (largest.length > 0) {
    const named = largest.map(({ name, share }) => `${name} ${(100 * share).toFixed(1)} %`);
    lines.push(`Most of the parameter shift's square: ${named.join(", ")}.`);
  }
  return lines.join("\n");
}

/** Four decimals; what they would make zero keeps three digits. */
function number(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toPrecision(3) : value.toFixed(4);
}
