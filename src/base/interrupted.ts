// What a stage throws after Ctrl-C, once everything worth keeping is on disk.
import { SdftError } from "./error.js";

/** Work stopped on request with its state saved; the command line ends with status 130. */
export class Interrupted extends SdftError {
  constructor(message: string) {
    super("interrupted", message);
    this.name = "Interrupted";
  }
}

/** Throws where the signal has fired. */
export function throwIfInterrupted(signal: AbortSignal | undefined, message: string): void {
  if (signal?.aborted === true) throw new Interrupted(message);
}
