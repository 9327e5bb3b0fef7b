// A program that measures something and prints it: ours or a peer's. Each run is a fresh process; contestants run in turn.
import { spawn } from "node:child_process";
import { type Measurement, parseMeasurements } from "./measurement.js";

export interface Contestant {
  /** For progress only; rows carry the name that the program prints. */
  readonly label: string;
  readonly command: string;
  readonly parameters: readonly string[];
}

/** Runs the program once. Its stderr passes through. */
export async function measure(contestant: Contestant): Promise<Measurement[]> {
  const { command, parameters, label } = contestant;
  const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const status = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (status !== 0) throw new Error(`${label} failed with status ${status}; its messages are above.`);
  return parseMeasurements(output);
}

/** A B A B …: so many rounds of all contestants. */
export async function measureInTurn(
  contestants: readonly Contestant[],
  rounds: number,
  say: (line: string) => void,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 1; round <= rounds; ++round) {
    for (const contestant of contestants) {
      say(`round ${round} of ${rounds}: ${contestant.label}`);
      measurements.push(...(await measure(contestant)));
    }
  }
  return measurements;
}

/** The one with the highest value of the metric in a short run each; a peer is taken at its best. */
export async function pickFastest(
  variants: readonly Contestant[],
  trial: { readonly metric: string; readonly parameters: readonly string[] },
  say: (line: string) => void,
): Promise<Contestant> {
  let best: { readonly value: number; readonly contestant: Contestant } | null = null;
  for (const contestant of variants) {
    const short = { ...contestant, parameters: [...contestant.parameters, ...trial.parameters] };
    const value = (await measure(short)).find(({ metric }) => metric === trial.metric)?.value ?? 0;
    say(`trial: ${contestant.label}: ${value}`);
    if (best === null || value > best.value) best = { value, contestant };
  }
  if (best === null) throw new Error("Expected at least one variant to try.");
  return best.contestant;
}
