// How a program ended.

/**
 * - `passed`: its tests ran to their end.
 * - `failed`: an error, or an end before the tests were done.
 * - `timed out`, `memory`: it took more than it may.
 * - `refused`: it tried what the sandbox does not allow (network, files, processes, floods of output).
 */
export const outcomes = ["passed", "failed", "timed out", "memory", "refused"] as const;
export type Outcome = (typeof outcomes)[number];

export interface Verdict {
  readonly outcome: Outcome;
  /** The error's last line, or what the limit was; null where it passed. */
  readonly detail: string | null;
}
