// A rule looks at one rewrite and may reject it; its name becomes the reason in distilled.jsonl.

import type { Task } from "../../tasks/task.js";

/** One rewrite beside the answer it rewrites, both trimmed. */
export interface Candidate {
  readonly id: string;
  readonly original: string;
  readonly rewrite: string;
  /** Null where it was made elsewhere and nobody says how it ended. */
  readonly finish: "stop" | "length" | null;
}

export interface Rule {
  /** For people: why a rewrite was not kept. */
  readonly reason: string;
  /** `task` is null for data that belongs to none. */
  rejects(candidate: Candidate, task: Task | null): boolean;
}
