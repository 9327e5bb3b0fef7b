// The peers: programs in a Python environment that print a line of JSON for each figure. A peer is taken at its best, found by short trials.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Contestant } from "#sdft/bench/contestant.js";
import type { JobResult, Measurement } from "#sdft/bench/measurement.js";
import { projectRoot } from "./checkout.js";

const measurementSchema = z.object({
  system: z.string(),
  metric: z.string(),
  unit: z.string(),
  value: z.number(),
  details: z.record(z.string(), z.unknown()),
});

export interface PeerProgram {
  readonly python: string;
  /** peers/<script>.py */
  readonly script: string;
  readonly model: string;
  /** JSON file of {"rows": [{"tokens", "labels"}]}. */
  readonly rows: string;
  /** 0: all that may be used. */
  readonly threads: number;
  readonly parameters: readonly string[];
}

export function peer(program: PeerProgram): Contestant {
  const label = `${program.script} ${program.parameters.join(" ")}`;
  return { label, measure: () => runPeer(program, []) };
}

/** The lines of JSON that a program printed; anything else is an error. */
export function parseMeasurements(output: string): Measurement[] {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => measurementSchema.parse(JSON.parse(line)));
}

/** The one with the highest value of the metric in a short run each. */
export async function fastestPeer(
  variants: readonly PeerProgram[],
  trial: { readonly metric: string; readonly parameters: readonly string[] },
  say: (line: string) => void,
): Promise<PeerProgram> {
  let best: { readonly value: number; readonly program: PeerProgram } | null = null;
  for (const program of variants) {
    const { measurements } = await runPeer(program, trial.parameters);
    const value = measurements.find(({ metric }) => metric === trial.metric)?.value ?? 0;
    say(`trial: ${program.script} ${program.model} ${program.parameters.join(" ")}: ${value}`);
    if (best === null || value > best.value) best = { value, program };
  }
  if (best === null) throw new Error("Expected at least one variant to try.");
  return best.program;
}

/** Its stderr passes through. */
async function runPeer(program: PeerProgram, more: readonly string[]): Promise<JobResult> {
  const { python, script, model, rows, threads, parameters } = program;
  const given = ["--model", model, "--rows", rows, "--threads", `${threads || availableParallelism()}`];
  const file = join(projectRoot, "bench", "peers", `${script}.py`);
  const child = spawn(python, [file, ...given, ...parameters, ...more], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const status = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (status !== 0) throw new Error(`${script} failed with status ${status}; its messages are above.`);
  return { measurements: parseMeasurements(output), notes: [] };
}
