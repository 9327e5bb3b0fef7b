// Which rewrites are kept (Eq. 4 of the paper): pure, whoever made them. Originals and rewrites meet by id, never by place.

import { InputError } from "../base/error.js";
import type { TextExample } from "../data/example.js";
import { stripText } from "../metrics/python-text.js";
import type { Task } from "../tasks/task.js";
import { type Choice, type Evidence, evidenceNeeds, textEvidence } from "./evidence.js";
import { bindRules, defaultRules, type RuleName, type RuleSetting } from "./rules/registry.js";
import { type Candidate, type Finding, missingEvidence } from "./rules/rule.js";
import { reportYield, type Verdict, type YieldReport } from "./verdict.js";

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

export interface Selection {
  /** In the order of the originals. */
  readonly rows: readonly DistilledRow[];
  /** Of every judged sample, by rows and samples. */
  readonly verdicts: readonly Verdict[];
  readonly report: YieldReport;
}

/** What decides. */
export interface Filter {
  /** Null for data that belongs to none. */
  readonly task: Task | null;
  /** `defaultRules` where left out. */
  readonly rules?: readonly RuleSetting[];
  /** `first` where left out; `best` reads log-probabilities of the evidence. */
  readonly choose?: Choice;
  /** `textEvidence` where left out. */
  readonly evidence?: Evidence;
}

/** Takes for each original one of its accepted rewrites, or else keeps the original. */
export function select(originals: readonly TextExample[], rewrites: readonly Rewrite[], filter: Filter): Selection {
  const byId = groupRewrites(originals, rewrites);
  const judge = createJudge(filter);
  const judged = originals.map((example) => judgeRow(example, byId.get(example.id) ?? [], judge, filter));
  const rows = judged.map(({ row }) => row);
  const verdicts = judged.flatMap((one) => one.verdicts);
  const most = rewrites.reduce((highest, { sample }) => Math.max(highest, sample + 1), 0);
  return { rows, verdicts, report: reportYield(rows, verdicts, { total: rewrites.length, most }) };
}

/** The first rule that rejects a rewrite, and why; null where it may be kept. */
export type Judge = (
  example: TextExample,
  rewrite: Pick<Rewrite, "text" | "finish" | "sample">,
) => (Finding & { readonly rule: RuleName }) | null;

export function createJudge({ task, rules = defaultRules, evidence = textEvidence }: Filter): Judge {
  const bound = bindRules(rules);
  const needs = evidenceNeeds(bound, "first");
  return (example, { text, finish, sample }) => {
    const original = stripText(expectResponse(example));
    const rewrite = stripText(text);
    const count = needs.has("tokens") ? evidence.countTokens : null;
    const logprob = needs.has("logprob") ? evidence.logprob(example.id, sample) : null;
    const candidate: Candidate = {
      ...{ id: example.id, original, rewrite, finish, template: evidence.template },
      shown: [
        example.instruction,
        example.system ?? "",
        ...example.history.flatMap((turn) => [turn.user, turn.assistant]),
      ],
      tokens: count === null ? null : { original: count(original), rewrite: count(rewrite) },
      logprob: logprob === null ? null : { rewrite: logprob, original: evidence.logprob(example.id, "original") },
    };
    for (const rule of bound) {
      const finding = rule.judge(candidate, task);
      if (finding !== null) return { rule: rule.name, ...finding };
    }
    return null;
  };
}

function judgeRow(
  example: TextExample,
  samples: readonly Rewrite[],
  judge: Judge,
  { choose = "first", evidence = textEvidence }: Filter,
): { readonly row: DistilledRow; readonly verdicts: readonly Verdict[] } {
  const verdicts: Verdict[] = [];
  for (const { sample, text, finish } of samples) {
    const rejection = judge(example, { text, finish, sample });
    const logprob = evidence.logprob(example.id, sample);
    const { rule, value, detail } = rejection ?? { rule: null, value: null, detail: null };
    verdicts.push({ id: example.id, sample, rule, value, detail, logprob, chosen: false });
    if (rejection === null && choose === "first") break;
  }
  const taken = choose === "first" ? verdicts.find(({ rule }) => rule === null) : likeliest(verdicts);
  const original = stripText(expectResponse(example));
  const common = { id: example.id, instruction: example.instruction, original };
  const rewrite = samples.find(({ sample }) => sample === taken?.sample);
  const row: DistilledRow =
    rewrite === undefined
      ? {
          ...{ ...common, response: original, source: "original" },
          ...{ reason: verdicts[0]?.rule ?? null, finish: samples[0]?.finish ?? null },
        }
      : { ...common, response: stripText(rewrite.text), source: "model", reason: null, finish: rewrite.finish };
  return { row, verdicts: verdicts.map((verdict) => ({ ...verdict, chosen: verdict === taken })) };
}

/** Of the accepted ones; on a tie the earlier sample. */
function likeliest(verdicts: readonly Verdict[]): Verdict | undefined {
  const accepted = verdicts.filter(({ rule }) => rule === null);
  const value = ({ logprob }: Verdict): number => {
    if (logprob === null) throw missingEvidence("the choice of the best rewrite", "log-probabilities");
    return logprob;
  };
  const [first] = accepted;
  return accepted.reduce((best, one) => (best !== undefined && value(one) > value(best) ? one : best), first);
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
