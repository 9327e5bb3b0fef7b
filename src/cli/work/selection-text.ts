// How the outcome of `distill` and `select` is shown.
import type { RuleName } from "../../distill/rules/registry.js";
import type { Selection } from "../../distill/select.js";
import type { RuleCounts, YieldReport } from "../../distill/verdict.js";
import { reasonText, yieldSentence } from "../../report/wording.js";

export function selectionDocument(selection: Selection, folder: string): unknown {
  return { folder, ...selection.report };
}

/** Rows by the rule that rejected their first rewrite; with several samples the yield of each number of them, and all samples by rule. */
export function selectionText(report: YieldReport, path: string): string {
  const { rows, kept, reasons, samples, keptWithin } = report;
  const lines = [`${yieldSentence({ total: rows, kept, reasons: [] })}.`, ...countLines(reasons)];
  if (keptWithin.length > 1) {
    const yields = keptWithin.map((count, index) => `${count} with ${index + 1}`);
    lines.push(`Rows kept by number of samples: ${yields.join(", ")}.`);
    lines.push(`Of ${samples.total} samples ${samples.judged} were judged.`, ...countLines(samples.reasons));
  }
  return [...lines, `Written to ${path}`].join("\n");
}

function countLines(counts: RuleCounts): string[] {
  const sorted = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)) as [RuleName, number][];
  return sorted.map(([rule, count]) => `  ${String(count).padStart(6)}  ${reasonText(rule)}`);
}
