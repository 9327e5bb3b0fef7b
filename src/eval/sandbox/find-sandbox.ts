// Where strangers' programs run: in bubblewrap, else in user namespaces made by ourselves (launch.py), else nowhere, unless the user
// allows them to run without. A method counts only if a program of ours, run inside, finds itself confined (probe.py).
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { InputError } from "../../base/error.js";
import { findControlGroups } from "./control-group.js";
import { readablePaths } from "./file-system.js";
import { defaultLimits, type Limits } from "./limits.js";
import { findPython, type Python } from "./python.js";
import { pythonSource } from "./python-source.js";
import { runProgram } from "./run-program.js";
import type { Sandbox, SandboxMethod } from "./sandbox.js";

export interface SandboxReport {
  /** Null where no method works. */
  readonly sandbox: Sandbox | null;
  /** Why a method is out, in the order tried. */
  readonly refusals: readonly { readonly method: SandboxMethod; readonly reason: string }[];
}

export const sandboxMethods = ["bubblewrap", "user namespaces"] as const satisfies readonly SandboxMethod[];

/** Tries the methods in turn. Throws only where there is no Python. */
export async function findSandbox(
  options: { readonly limits?: Limits; readonly methods?: readonly SandboxMethod[] } = {},
): Promise<SandboxReport> {
  const python = await findPython();
  const [readable, groups] = await Promise.all([readablePaths(python), findControlGroups()]);
  const limits = options.limits ?? defaultLimits;
  const refusals: { method: SandboxMethod; reason: string }[] = [];
  for (const method of options.methods ?? sandboxMethods) {
    const found = method === "bubblewrap" ? await findBubblewrap() : { path: null, reason: null };
    let reason = found.reason;
    // A control group is more than is needed: a process may be forbidden to move to one.
    for (const place of found.reason === null ? new Set([groups, null]) : []) {
      const sandbox: Sandbox = { method, bubblewrap: found.path, python, readable, limits, groups: place };
      reason = await probe(sandbox);
      if (reason === null) return { sandbox, refusals };
    }
    refusals.push({ method, reason: reason ?? "" });
  }
  return { sandbox: null, refusals };
}

/** A sandbox that works, or, where none does, none at all if the user allows that; else an error that says what to do. */
export async function expectSandbox(options: {
  readonly allowUnsafe: boolean;
  readonly limits?: Limits;
  readonly methods?: readonly SandboxMethod[];
}): Promise<Sandbox> {
  const { sandbox, refusals } = await findOnce(options);
  if (sandbox !== null) return sandbox;
  if (options.allowUnsafe) return unconfined(await findPython(), options.limits ?? defaultLimits);
  const reasons = refusals.map(({ method, reason }) => `${method}: ${reason}`).join("; ");
  throw new InputError(
    "no_sandbox",
    `Programs that a model wrote are run only in a sandbox, and none works here (${reasons}). Install bubblewrap 0.8 or newer, or allow user namespaces; --allow-unsafe-execution runs them without any protection.`,
  );
}

/** What works does not change while we run, and trying takes a second: by Python, search path and options. */
const found = new Map<string, Promise<SandboxReport>>();

async function findOnce(options: Parameters<typeof findSandbox>[0]): Promise<SandboxReport> {
  const { SDFT_PYTHON, PATH } = process.env;
  const key = JSON.stringify([SDFT_PYTHON, PATH, options]);
  const known = found.get(key) ?? findSandbox(options);
  found.set(key, known);
  try {
    return await known;
  } catch (error) {
    found.delete(key);
    throw error;
  }
}

/** Resource limits and a temporary folder, but the user's own rights. */
export function unconfined(python: Python, limits: Limits): Sandbox {
  return { method: "none", bubblewrap: null, python, readable: [], limits, groups: null };
}

/** Null where a program inside finds itself confined, else the reason. */
async function probe(sandbox: Sandbox): Promise<string | null> {
  if (process.platform !== "linux") return `there are none on ${process.platform}`;
  const service = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const address = service.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    const { outcome, detail } = await runProgram(
      sandbox,
      `PORT, LIMIT = ${port}, ${sandbox.limits.memoryBytes}\n${pythonSource("probe.py")}`,
    );
    return outcome === "passed" ? null : `${detail ?? outcome}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    service.close();
  }
}

function findBubblewrap(): Promise<{ path: string | null; reason: string | null }> {
  return new Promise((resolve) => {
    execFile("bwrap", ["--version"], (error, stdout) => {
      const version = /(\d+)\.(\d+)/.exec(stdout);
      if (error !== null || version === null) resolve({ path: null, reason: "bwrap is not installed" });
      // 0.8 brought --size and --disable-userns.
      else if (Number(version[1]) === 0 && Number(version[2]) < 8)
        resolve({ path: null, reason: `bwrap ${version[0]} can't bound its temporary folder, 0.8 can` });
      else resolve({ path: "bwrap", reason: null });
    });
  });
}
