// What one program may take. The time is the protocol's; the rest is far above what an honest answer to a test needs.

export interface Limits {
  /** Wall-clock time from the program's first line. */
  readonly seconds: number;
  /** Address space of a process, in bytes; with a control group also of all of them together. */
  readonly memoryBytes: number;
  /** Processes and threads at once. */
  readonly processes: number;
  /** The temporary folder, the only place that can be written. */
  readonly temporaryBytes: number;
  /** Of standard output and standard error together. */
  readonly outputBytes: number;
}

export const defaultLimits: Limits = {
  seconds: 10,
  memoryBytes: 2 ** 30,
  processes: 32,
  temporaryBytes: 64 * 2 ** 20,
  outputBytes: 2 ** 20,
};

/** Python's names in its module `resource`. */
export function resourceLimits(limits: Limits): Record<string, number> {
  return {
    RLIMIT_AS: limits.memoryBytes,
    RLIMIT_NPROC: limits.processes,
    RLIMIT_FSIZE: limits.temporaryBytes,
    // The wall-clock limit ends a program; this one is for a sandbox whose master has died.
    RLIMIT_CPU: Math.ceil(limits.seconds) + 5,
    RLIMIT_NOFILE: 64,
    RLIMIT_CORE: 0,
  };
}
