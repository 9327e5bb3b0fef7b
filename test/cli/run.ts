// Runs the command line in this process and returns what it wrote and its exit status.
import { runCli } from "../../src/cli/run-cli.js";

export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function sdft(...args: string[]): Promise<CliResult> {
  const written = { stdout: "", stderr: "" };
  const restore = (["stdout", "stderr"] as const).map((name) => {
    const original = process[name].write;
    process[name].write = (chunk: string | Uint8Array): boolean => {
      written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
      return true;
    };
    return () => {
      process[name].write = original;
    };
  });
  // yargs prints its help by console.log, which the test runner keeps to itself.
  const log = console.log;
  console.log = (...parts: unknown[]): void => {
    written.stdout += `${parts.join(" ")}\n`;
  };
  process.exitCode = undefined;
  try {
    await runCli(args);
    return { status: Number(process.exitCode ?? 0), ...written };
  } finally {
    process.exitCode = undefined;
    console.log = log;
    for (const undo of restore) undo();
  }
}
