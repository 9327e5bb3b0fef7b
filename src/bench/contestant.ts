// Something that measures once, in a process of its own: ours here, the peers' in the top-level bench/. Contestants run in turn.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Interrupted } from "../base/interrupted.js";
import type { Job } from "./job.js";
import type { JobResult, Measurement } from "./measurement.js";
import type { Reply } from "./process.js";

export interface Contestant {
  /** For progress only; rows carry the name that the measurement gives. */
  readonly label: string;
  readonly measure: (signal?: AbortSignal) => Promise<JobResult>;
}

/** One of our jobs. */
export function ours(label: string, job: Job): Contestant {
  return { label, measure: (signal) => measureApart(job, signal) };
}

const program = fileURLToPath(new URL("./process.js", import.meta.url));

async function measureApart(job: Job, signal?: AbortSignal): Promise<JobResult> {
  const child = fork(program, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const stop = (): void => void child.kill();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const reply = await new Promise<Reply>((done, fail) => {
      let received: Reply = { error: "The measuring process ended without a result." };
      child.on("message", (message: Reply) => {
        received = message;
      });
      child.on("error", fail).on("close", () => done(received));
      child.send(job);
    });
    if (signal?.aborted === true) throw new Interrupted("Measuring was interrupted.");
    if ("error" in reply) throw new Error(reply.error);
    return reply.result;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

export interface TurnOptions {
  readonly rounds: number;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** A B A B …: so many rounds of all contestants. */
export async function measureInTurn(
  contestants: readonly Contestant[],
  { rounds, say, signal }: TurnOptions,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 1; round <= rounds; ++round) {
    for (const { label, measure } of contestants) {
      say(`round ${round} of ${rounds}: ${label}`);
      const result = await measure(signal);
      for (const note of result.notes) say(note);
      measurements.push(...result.measurements);
    }
  }
  return measurements;
}
