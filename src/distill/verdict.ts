// What was decided of each rewrite, and the counts of a whole data set. verdicts.jsonl has a row for each judged sample, yield.json the report.

import { type RuleName, ruleNames } from "./rules/registry.js";

/** A row of verdicts.jsonl. */
export interface Verdict {
  readonly id: string;
  readonly sample: number;
  /** The rule that rejected it; null for an accepted one. */
  readonly rule: RuleName | null;
  /** The number that led to it, where the rule has one. */
  readonly value: number | null;
  readonly detail: string | null;
  /** Mean log-probability per token under the seed model, where it was asked for. */
  readonly logprob: number | null;
  /** Whether this is the rewrite that was taken. */
  readonly chosen: boolean;
}

export type RuleCounts = Readonly<Partial<Record<RuleName, number>>>;

/** How much was kept, and why not more. */
export interface YieldReport {
  readonly rows: number;
  readonly kept: number;
  /** Kept rewrites that equal the original. */
  readonly copied: number;
  /** Rows by the rule that rejected their first rewrite; rows that a later rewrite saved are not among them. */
  readonly reasons: RuleCounts;
  /** Rows with an accepted rewrite among their first sample, their first two, …: what so many attempts would have kept. */
  readonly keptWithin: readonly number[];
  /** Kept rows by which of their samples was taken. */
  readonly chosen: readonly number[];
  readonly samples: {
    readonly total: number;
    /** Where the first accepted one is taken, those after it are not judged. */
    readonly judged: number;
    readonly reasons: RuleCounts;
  };
}

/** `verdicts` in the order of rows and samples; `total` samples, of which not all need be judged. */
export function reportYield(
  rows: readonly {
    readonly source: "model" | "original";
    readonly reason: RuleName | null;
    readonly response: string;
    readonly original: string;
  }[],
  verdicts: readonly Verdict[],
  samples: { readonly total: number; readonly most: number },
): YieldReport {
  const kept = rows.filter((row) => row.source === "model");
  const accepted = new Map<string, number>();
  for (const { id, sample, rule } of verdicts)
    if (rule === null) accepted.set(id, Math.min(sample, accepted.get(id) ?? sample));
  const firsts = [...accepted.values()];
  const taken = verdicts.filter(({ chosen }) => chosen);
  const each = Array.from({ length: samples.most }, (_, index) => index);
  return {
    rows: rows.length,
    kept: kept.length,
    copied: kept.filter((row) => row.response === row.original).length,
    reasons: countNames(rows.map((row) => row.reason)),
    keptWithin: each.map((index) => firsts.filter((sample) => sample <= index).length),
    chosen: each.map((index) => taken.filter(({ sample }) => sample === index).length),
    samples: { total: samples.total, judged: verdicts.length, reasons: countNames(verdicts.map(({ rule }) => rule)) },
  };
}

function countNames(names: readonly (RuleName | null)[]): RuleCounts {
  const counts: Partial<Record<RuleName, number>> = {};
  for (const name of ruleNames) {
    const count = names.filter((other) => other === name).length;
    if (count > 0) counts[name] = count;
  }
  return counts;
}
