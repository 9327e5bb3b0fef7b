// Names of run folders: what a person looks for, and a hash of everything the numbers depend on, so that equal trainings of several studies are one.
import { basename, extname } from "node:path";
import { contentHash } from "../base/content-hash.js";
import type { ScoreKey } from "../eval/prediction.js";

/** All but the task that was evaluated. */
export type CellKey = Omit<ScoreKey, "task">;

/** `openfunctions-sdft-using-256-r8-s0-1a2b3c4d`; `seed-s0-1a2b3c4d`. */
export function runName(key: CellKey, depends: unknown): string {
  const parts = [
    key.dataset,
    key.variant,
    key.distill_template === null ? null : shortName(key.distill_template),
    key.mix_ratio === null || key.mix_ratio === 1 ? null : `mix${key.mix_ratio}`,
    key.samples,
    key.rank === null ? null : `r${key.rank}`,
    `s${key.seed}`,
    contentHash(depends).slice(0, 8),
  ];
  return parts.filter((part) => part !== null).join("-");
}

/** For progress and messages: `openfunctions sdft, 128 examples`. */
export function describeCell(key: CellKey): string {
  if (key.variant === "seed") return `seed model (seed ${key.seed})`;
  const parts = [
    key.variant === "sdft" && key.distill_template !== null ? shortName(key.distill_template) : null,
    key.mix_ratio === null || key.mix_ratio === 1 ? null : `mix ratio ${key.mix_ratio}`,
    key.samples === null ? null : `${key.samples} examples`,
    key.rank === null ? null : `rank ${key.rank}`,
    `seed ${key.seed}`,
  ].filter((part) => part !== null);
  return `${key.dataset} ${key.variant} (${parts.join(", ")})`;
}

/** A file's name without its ending; only letters that every file system takes. */
function shortName(template: string): string {
  return basename(template, extname(template)).replace(/[^\w.-]+/g, "_");
}
