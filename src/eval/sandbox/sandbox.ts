// What a sandbox is: a way to confine a Python program, the interpreter, and what a program may read and take.
import type { ReadablePath } from "./file-system.js";
import type { Limits } from "./limits.js";
import type { Python } from "./python.js";

/** `none`: only resource limits, for users who take the risk. */
export type SandboxMethod = "bubblewrap" | "user namespaces" | "none";

export interface Sandbox {
  readonly method: SandboxMethod;
  /** bwrap's path; null for the other methods. */
  readonly bubblewrap: string | null;
  readonly python: Python;
  readonly readable: readonly ReadablePath[];
  readonly limits: Limits;
  /** Folder of control groups below which each program gets its own; null where there is none. */
  readonly groups: string | null;
}
