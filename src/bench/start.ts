// How soon a command answers: `sdft --help` and one generated token from start to end, and a model ready to compute. The model's file is in the system's
// cache after the first time.
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { openModel } from "../models/resolve.js";
import { type EngineChoice, openChosen, systemName } from "./engine-choice.js";
import type { JobResult } from "./measurement.js";

const program = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/** Wall time of a process that prints the help. */
export async function measureHelp(): Promise<JobResult> {
  const value = await wallSeconds(["--help"]);
  return { measurements: [{ system: "sdft", metric: "help", unit: "s", value, details: {} }], notes: [] };
}

/** Wall time of a process that generates a single token: everything from Node's own start on. */
export async function measureFirstToken(model: string, choice: EngineChoice): Promise<JobResult> {
  const { weights, compute } = choice;
  const prompt = ["--prompt", "Hello", "--max-new-tokens", "1", "--temperature", "0"];
  const value = await wallSeconds([
    "generate",
    "--model",
    model,
    ...prompt,
    "--weights",
    weights,
    "--compute",
    compute,
  ]);
  const system = systemName(choice);
  return { measurements: [{ system, metric: "generate one token", unit: "s", value, details: {} }], notes: [] };
}

/** From the name of a model to an engine that can compute. */
export async function measureReady(name: string, choice: EngineChoice): Promise<JobResult> {
  const started = performance.now();
  const model = await openModel(name);
  const opened = performance.now();
  using engine = await openChosen(model, choice);
  const ready = performance.now();
  const details = {
    ...{ openSeconds: (opened - started) / 1000, loadSeconds: (ready - opened) / 1000, ...engine.memory },
  };
  const value = (ready - started) / 1000;
  return {
    measurements: [{ system: systemName(choice), metric: "model ready", unit: "s", value, details }],
    notes: [],
  };
}

async function wallSeconds(args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, [program, ...args], { stdio: "ignore" });
  const status = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (status !== 0) throw new Error(`sdft ${args[0]} ended with status ${status}.`);
  return (performance.now() - started) / 1000;
}
