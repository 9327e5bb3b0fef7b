// One program in a process of its own: started, watched, ended, and what came of it.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { SdftError } from "../../base/error.js";
import { Interrupted } from "../../base/interrupted.js";
import { type ControlGroup, makeControlGroup } from "./control-group.js";
import { launchCommand, runnerRequest } from "./launch-command.js";
import { parseEvents, type RunnerEvent } from "./runner-events.js";
import type { Sandbox } from "./sandbox.js";
import type { Verdict } from "./verdict.js";

/** How long the sandbox itself may take to stand; a machine that swaps needs seconds. */
const startSeconds = 60;
/** Of the descriptor that events come by; a program that floods it is ended. */
const eventBytes = 2 ** 20;

/** Runs a Python program to its end. Throws where the sandbox can't be made, and Interrupted where the signal fires. */
export async function runProgram(sandbox: Sandbox, program: string, signal?: AbortSignal): Promise<Verdict> {
  const name = `sdft-${process.pid}-${randomUUID()}`;
  const group = sandbox.groups === null ? null : await makeControlGroup(sandbox.groups, name, sandbox.limits);
  const folder = sandbox.method === "none" ? await mkdtemp(join(tmpdir(), "sdft-program-")) : null;
  try {
    const ending = await watch(sandbox, { program, group, folder, signal });
    return await judgeEnding(ending, sandbox, group);
  } finally {
    await group?.remove();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

/** How the process ended, and what the runner said before. */
interface Ending {
  readonly events: readonly RunnerEvent[];
  /** Why we ended it; null where it ended by itself. */
  readonly stopped: "time" | "output" | "start" | "signal" | null;
  readonly exit: string;
  /** The end of standard error, for faults of the sandbox. */
  readonly errors: string;
}

interface Work {
  readonly program: string;
  readonly group: ControlGroup | null;
  readonly folder: string | null;
  readonly signal: AbortSignal | undefined;
}

function watch(sandbox: Sandbox, { program, group, folder, signal }: Work): Promise<Ending> {
  const { file, args, environment } = launchCommand(sandbox, group?.folder ?? null);
  const token = randomUUID();
  // A session of its own: Ctrl-C is for us, and without a sandbox its processes are ended as one group.
  const child = spawn(file, [...args], {
    env: { ...environment },
    cwd: "/",
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let stopped: Ending["stopped"] = null;
    const stop = (why: NonNullable<Ending["stopped"]>): void => {
      stopped ??= why;
      endAll(child);
    };
    let timer = setTimeout(() => stop("start"), startSeconds * 1000);
    let events: readonly RunnerEvent[] = [];
    let said = "";
    let errors = "";
    let outputBytes = 0;
    const onOutput = (data: Buffer): void => {
      outputBytes += data.length;
      if (outputBytes > sandbox.limits.outputBytes) stop("output");
    };
    child.stdout?.on("data", onOutput);
    child.stderr?.on("data", (data: Buffer) => {
      errors = `${errors}${data.toString()}`.slice(-2000);
      onOutput(data);
    });
    const channel = child.stdio[3] as Readable;
    channel.on("data", (data: Buffer) => {
      said += data.toString();
      if (said.length > eventBytes) return stop("output");
      const before = events.length;
      events = parseEvents(said, token);
      if (before === 0 && events.length > 0) {
        clearTimeout(timer);
        timer = setTimeout(() => stop("time"), sandbox.limits.seconds * 1000);
      }
      // What the program left running has no say any more.
      if (events.some(({ event }) => event !== "start")) endAll(child);
    });
    channel.on("error", () => undefined);
    const onAbort = (): void => stop("signal");
    signal?.addEventListener("abort", onAbort, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    child.on("error", (cause) => {
      settle();
      reject(new SdftError("sandbox", `Python could not be started at ${file} (${cause.message}).`, { cause }));
    });
    child.on("close", (code, killed) => {
      settle();
      resolve({ events, stopped, exit: killed === null ? `status ${code}` : `signal ${killed}`, errors });
    });
    // The process may be gone before it has read everything.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(runnerRequest(sandbox, program, { token, folder }));
    if (signal?.aborted === true) stop("signal");
  });
}

/** The launcher takes its whole namespace with it. */
function endAll(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // They have ended already.
  }
}

async function judgeEnding(ending: Ending, sandbox: Sandbox, group: ControlGroup | null): Promise<Verdict> {
  const { events, stopped, exit, errors } = ending;
  const { limits } = sandbox;
  if (stopped === "signal")
    throw new Interrupted("Running programs was interrupted. Run the same command again to go on.");
  const unavailable = events.find((event) => event.event === "unavailable");
  if (unavailable?.event === "unavailable") throw new SdftError("sandbox", unavailable.reason);
  if (!events.some(({ event }) => event === "start")) {
    const why = stopped === "start" ? `it took more than ${startSeconds} s` : errors.trim().split("\n").at(-1) || exit;
    throw new SdftError("sandbox", `the sandbox (${sandbox.method}) could not be started: ${why}`);
  }
  const end = events.find((event) => event.event === "end");
  if (stopped === "output") return { outcome: "refused", detail: `wrote more than ${limits.outputBytes} bytes` };
  if (end?.event === "end") return { outcome: end.outcome, detail: end.detail };
  if (await group?.ranOutOfMemory()) return { outcome: "memory", detail: "ended by the system for its memory" };
  if (stopped === "time") return { outcome: "timed out", detail: `no end after ${limits.seconds} s` };
  return { outcome: "failed", detail: `ended by itself before its tests were done (${exit})` };
}
