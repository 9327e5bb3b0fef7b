// The audit of a distillation: every training example with the original answer, the model's rewrite, and what was decided about it.
import type { DistilledAuditRow, RewriteAttempt } from "../run-summary.js";
import type { AuditColumn, AuditSet } from "./audit-set.js";

export function rewriteSet(title: string, rows: readonly DistilledAuditRow[]): AuditSet {
  const reasons = [...new Set(rows.flatMap((row) => row.reason ?? []))].sort();
  const shown = rows.map((row) => ({ row, ...shownAttempt(row) }));
  const several = rows.some((row) => row.attempts.length > 1);
  const scored = shown.some(({ logprob }) => logprob !== null);
  const explained = shown.some(({ detail }) => detail !== null);
  const columns: AuditColumn[] = [
    { title: "id", kind: "text" },
    { title: "verdict", kind: "text" },
    { title: "rule", kind: "text" },
    ...(explained ? [{ title: "why", kind: "text" } as const] : []),
    { title: "finish", kind: "text" },
    ...(several ? [{ title: "sample", kind: "number" } as const] : []),
    ...(scored ? [{ title: "log-probability per token", kind: "number" } as const] : []),
    { title: "length ratio", kind: "number" },
  ];
  return {
    title,
    columns,
    panes: ["instruction", "original answer", "the model's rewrite", "the other rewrites"],
    compared: [1, 2],
    kinds: [
      { value: "kept", title: "kept" },
      ...reasons.map((reason) => ({ value: `rule ${reason}`, title: `rejected: ${reason}` })),
      { value: "cut", title: "cut at the limit" },
      { value: "copied", title: "repeats the original" },
    ],
    rows: shown.map(({ row, rewrite, sample, logprob, detail }) => ({
      cells: [
        row.id,
        row.source === "model" ? "kept" : "original stands",
        row.reason,
        ...(explained ? [detail] : []),
        finishText(row.finish),
        ...(several ? [sample] : []),
        ...(scored ? [logprob] : []),
        rewrite === null || row.original === "" ? null : rewrite.length / row.original.length,
      ],
      panes: [row.instruction, row.original, rewrite, otherAttempts(row, sample)],
      kinds: [
        ...(row.source === "model" ? ["kept"] : []),
        ...(row.reason === null ? [] : [`rule ${row.reason}`]),
        ...(row.finish === "length" ? ["cut"] : []),
        ...(rewrite === row.original ? ["copied"] : []),
      ],
    })),
  };
}

/** The rewrite that was taken, or else the first. */
function shownAttempt(row: DistilledAuditRow) {
  const taken = row.attempts.find(({ verdict }) => verdict?.chosen === true) ?? row.attempts[0];
  return {
    rewrite: row.source === "model" ? row.response : row.rejected,
    sample: taken?.sample ?? null,
    logprob: taken?.verdict?.logprob ?? null,
    detail: taken?.verdict?.detail ?? null,
  };
}

/** The texts that are not shown as the rewrite, each under what was decided of it; null where there are none. */
function otherAttempts({ attempts }: DistilledAuditRow, shown: number | null): string | null {
  const others = attempts.filter(({ sample }) => sample !== shown);
  if (others.length === 0) return null;
  return others.map((attempt) => `sample ${attempt.sample}, ${decision(attempt)}:\n${attempt.text}`).join("\n\n");
}

function decision({ verdict }: RewriteAttempt): string {
  if (verdict === null) return "not judged";
  const logprob = verdict.logprob === null ? "" : `, log-probability ${verdict.logprob.toFixed(3)} per token`;
  return `${verdict.rule === null ? "accepted" : `rejected by ${verdict.rule}`}${logprob}`;
}

export function finishText(finish: "stop" | "length" | null): string | null {
  if (finish === null) return null;
  return finish === "stop" ? "ended" : "cut";
}
