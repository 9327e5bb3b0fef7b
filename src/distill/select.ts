// Which rewrites are kept (Eq. 4 of the paper): pure, whoever made them. Originals and rewrites meet by id, never by place.

import { InputError } from "../base/error.js";
import type { TextExample } from "../data/example.js";
import { stripText } from "../metrics/python-text.js";
import type { Task } from "../tasks/task.js";
import { type RuleName, ruleNames, rules as ruleTable } from "./rules/registry.js";
import type { Candidate } from "./rules/rule.js";

/** One generated rewrite of the response of example `id`. */
export interface Rewrite {
  readonly id: string;
  /** Which of several of the same id, from 0. */
  readonly sample: number;
  readonly text: string;
  /** Null where nobody says how it ended. */
  readonly finish: "stop" | "length" | null;
}

/** A row of distilled.jsonl. */
export interface DistilledRow {
  readonly id: string;
  readonly instruction: string;
  /** Trimmed, as is `response`. */
  readonly original: string;
  /** What to train on. */
  readonly response: string;
  readonly source: "model" | "original";
  /** The rule that rejected the first rewrite; null for a kept one. */
  readonly reason: RuleName | null;
  /** How the rewrite ended that was kept, or else the first. */
  readonly finish: "stop" | "length" | null;
}

/** How much was kept, and why not more. */
export interface YieldReport {
  readonly rows: number;
  readonly kept: number;
  /** Kept rewrites that equal the original. */
  readonly copied: number;
  /** Rows by the rule that rejected their first rewrite; rows that a later rewrite saved are not among them. */
  readonly reasons: Readonly<Partial<Record<RuleName, number>>>;
  readonly samples: {
    readonly total: number;
    /** Up to the first accepted one of each row; those after it are not judged. */
    readonly judged: number;
    readonly reasons: Readonly<Partial<Record<RuleName, number>>>;
  };
}

export interface Selection {
  /** In the order of the originals. */
  readonly rows: readonly DistilledRow[];
  readonly report: YieldReport;
}

/** Takes for each original its first accepted rewrite in the order of the samples, or else keeps the original. */
export function select(
  originals: readonly TextExample[],
  rewrites: readonly Rewrite[],
  task: Task | null,
  rules: readonly RuleName[] = ruleNames,
): Selection {
  const byId = groupRewrites(originals, rewrites);
  const rejections: RuleName[] = [];
  const rows = originals.map((example) => {
    const verdict = judgeRow(example, byId.get(example.id) ?? [], task, rules);
    rejections.push(...verdict.rejections);
    return verdict.row;
  });
  const kept = rows.filter((row) => row.source === "model");
  return {
    rows,
    report: {
      rows: rows.length,
      kept: kept.length,
      copied: kept.filter((row) => row.response === row.original).length,
      reasons: countNames(rows.flatMap((row) => row.reason ?? [])),
      samples: {
        total: rewrites.length,
        judged: rejections.length + kept.length,
        reasons: countNames(rejections),
      },
    },
  };
}

/** The first rule that rejects the rewrite, or null where it may be kept. */
export function judgeRewrite(
  example: TextExample,
  rewrite: Pick<Rewrite, "text" | "finish">,
  task: Task | null,
  rules: readonly RuleName[] = ruleNames,
): RuleName | null {
  const candidate: Candidate = {
    id: example.id,
    original: stripText(expectResponse(example)),
    rewrite: stripText(rewrite.text),
    finish: rewrite.finish,
  };
  return rules.find((name) => ruleTable[name].rejects(candidate, task)) ?? null;
}

function judgeRow(
  example: TextExample,
  samples: readonly Rewrite[],
  task: Task | null,
  rules: readonly RuleName[],
): { readonly row: DistilledRow; readonly rejections: readonly RuleName[] } {
  const original = stripText(expectResponse(example));
  const common = { id: example.id, instruction: example.instruction, original };
  const rejections: RuleName[] = [];
  for (const { text, finish } of samples) {
    const rejection = judgeRewrite(example, { text, finish }, task, rules);
    if (rejection === null) {
      return { row: { ...common, response: stripText(text), source: "model", reason: null, finish }, rejections };
    }
    rejections.push(rejection);
  }
  const [reason = null] = rejections;
  const finish = samples[0]?.finish ?? null;
  return { row: { ...common, response: original, source: "original", reason, finish }, rejections };
}

/** Each original's rewrites in the order of their samples. Every original has at least one, and no rewrite is without an original. */
function groupRewrites(originals: readonly TextExample[], rewrites: readonly Rewrite[]): Map<string, Rewrite[]> {
  const byId = new Map<string, Rewrite[]>();
  for (const { id } of originals) {
    if (byId.has(id)) {
      throw new InputError("duplicate_id", `Expected each id once in the data but "${id}" stands there twice.`);
    }
    byId.set(id, []);
  }
  for (const rewrite of rewrites) {
    const samples = byId.get(rewrite.id);
    if (samples === undefined) {
      throw new InputError(
        "unknown_id",
        `There is a rewrite for id "${rewrite.id}", but the data has no row of that id.`,
      );
    }
    if (samples.some(({ sample }) => sample === rewrite.sample)) {
      throw new InputError(
        "duplicate_id",
        `Expected one rewrite for id "${rewrite.id}", sample ${rewrite.sample}, but there are two.`,
      );
    }
    samples.push(rewrite);
  }
  const missing = [...byId].filter(([, samples]) => samples.length === 0).map(([id]) => id);
  if (missing.length > 0) {
    throw new InputError(
      "missing_rewrite",
      `Expected a rewrite for each of the ${originals.length} rows but ${missing.length} have none: ${listIds(missing)}.`,
    );
  }
  for (const samples of byId.values()) samples.sort((a, b) => a.sample - b.sample);
  return byId;
}

function expectResponse(example: TextExample): string {
  if (example.response === null) {
    throw new InputError("missing_response", `Row ${example.id} has no response, so there is nothing to distil.`);
  }
  return example.response;
}

/** The first few of many ids. */
function listIds(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).join(", ");
  return ids.length > 5 ? `${shown}, …` : shown;
}

function countNames(names: readonly RuleName[]): Partial<Record<RuleName, number>> {
  const counts: Partial<Record<RuleName, number>> = {};
  for (const name of ruleNames) {
    const count = names.filter((other) => other === name).length;
    if (count > 0) counts[name] = count;
  }
  return counts;
}
