// Errors that a person is meant to read: one sentence (what was expected, where, what came, how to mend it), a code and an exit status.

/** 2: bad input or usage, nothing was written. 1: the work itself failed. */
export type ExitStatus = 1 | 2;

/** An error whose message is complete by itself; the command line prints it without a stack trace. */
export class SdftError extends Error {
  readonly code: string;
  readonly exitStatus: ExitStatus;

  constructor(code: string, message: string, options: { exitStatus?: ExitStatus; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SdftError";
    this.code = code;
    this.exitStatus = options.exitStatus ?? 1;
  }
}

/** Bad input or usage: found before anything is written. */
export class InputError extends SdftError {
  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, exitStatus: 2 });
    this.name = "InputError";
  }
}
