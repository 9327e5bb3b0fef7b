// The audit of a distillation: every training example with the original answer, the model's rewrite, and what was decided about it.
import type { DistilledAuditRow } from "../run-summary.js";
import type { AuditSet } from "./audit-set.js";

export function rewriteSet(title: string, rows: readonly DistilledAuditRow[]): AuditSet {
  const reasons = [...new Set(rows.flatMap((row) => row.reason ?? []))].sort();
  return {
    title,
    columns: [
      { title: "id", kind: "text" },
      { title: "verdict", kind: "text" },
      { title: "rule", kind: "text" },
      { title: "finish", kind: "text" },
      { title: "length ratio", kind: "number" },
    ],
    panes: ["instruction", "original answer", "the model's rewrite"],
    compared: [1, 2],
    kinds: [
      { value: "kept", title: "kept" },
      ...reasons.map((reason) => ({ value: `rule ${reason}`, title: `rejected: ${reason}` })),
      { value: "cut", title: "cut at the limit" },
      { value: "copied", title: "repeats the original" },
    ],
    rows: rows.map((row) => {
      const rewrite = row.source === "model" ? row.response : row.rejected;
      const kept = row.source === "model";
      return {
        cells: [
          row.id,
          kept ? "kept" : "original stands",
          row.reason,
          finishText(row.finish),
          rewrite === null || row.original === "" ? null : rewrite.length / row.original.length,
        ],
        panes: [row.instruction, row.original, rewrite],
        kinds: [
          ...(kept ? ["kept"] : []),
          ...(row.reason === null ? [] : [`rule ${row.reason}`]),
          ...(row.finish === "length" ? ["cut"] : []),
          ...(rewrite === row.original ? ["copied"] : []),
        ],
      };
    }),
  };
}

export function finishText(finish: "stop" | "length" | null): string | null {
  if (finish === null) return null;
  return finish === "stop" ? "ended" : "cut";
}
