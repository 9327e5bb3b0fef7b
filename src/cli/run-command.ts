// The frame around every command's work: terminal, Ctrl-C, and errors turned into one sentence and an exit status.
import process from "node:process";
import { SdftError } from "../base/error.js";
import { Terminal, type TerminalOptions } from "./terminal.js";

export interface CommandContext {
  readonly terminal: Terminal;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs the work and sets the process's exit status: 0 done, 1 failed, 2 bad input, 130 interrupted with state saved. */
export async function runCommand(
  options: TerminalOptions & { readonly onInterrupt?: "save" | "end" },
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const terminal = new Terminal(options);
  const controller = new AbortController();
  const onInterrupt = (): void => {
    if (controller.signal.aborted || options.onInterrupt === "end") process.exit(130);
    terminal.note("Stopping as soon as the state is saved; press Ctrl-C again to stop at once.");
    controller.abort();
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  try {
    await terminal.prepare();
    await work({ terminal, signal: controller.signal });
  } catch (error) {
    terminal.close();
    process.exitCode = reportError(error, { ...options, interrupted: controller.signal.aborted });
  } finally {
    terminal.close();
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

/** Writes the error to stderr and returns the exit status. */
export function reportError(
  error: unknown,
  options: { readonly verbose: boolean; readonly interrupted: boolean },
): number {
  const stack = options.verbose && error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : "";
  if (isInterruption(error) || (options.interrupted && !(error instanceof SdftError))) {
    process.stderr.write(
      `${error instanceof SdftError ? error.message : "Interrupted; run the same command again to go on."}${stack}\n`,
    );
    return 130;
  }
  // An SdftError says by itself how to go on. Not every command keeps something to go on with, so nothing of that is promised here.
  const advice = !(error instanceof SdftError) && codeOf(error) === "device" ? " Run the same command again." : "";
  process.stderr.write(`Error: ${messageOf(error)}${advice}${stack}\n`);
  return exitStatus(error);
}

function isInterruption(error: unknown): boolean {
  return error instanceof SdftError && error.code === "interrupted";
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n").join(" ");
}

/** Codes of the engine that mean bad input rather than failed work. */
const inputCodes = ["input", "file", "format", "weights", "model", "adapter", "unsupported", "backend", "compute"];

function exitStatus(error: unknown): number {
  if (error instanceof SdftError) return error.exitStatus;
  return inputCodes.includes(codeOf(error)) ? 2 : 1;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
