// How stages say what they are doing without knowing where it is shown.

export interface Progress {
  /** What is being done (`distil`, `train vanilla`). */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** What is counted (`rows`, `steps`). */
  readonly unit: string;
  /** How much of the work is done, from 0 to 1, where done and total alone say little. */
  readonly share?: number;
  /** Tokens worked on since the stage began; for tokens a second. */
  readonly tokens?: number;
  /** Where the stage knows better than tokens over time. */
  readonly tokensPerSecond?: number;
  /** A short extra, such as the loss. */
  readonly detail?: string;
}

export interface Reporter {
  progress(progress: Progress): void;
  /** The stage that progress() spoke of last is over; the sentence says what came of it. */
  finish(sentence: string): void;
  /** A sentence a person should read. */
  note(sentence: string): void;
  warn(sentence: string): void;
}

export const silentReporter: Reporter = { progress: () => {}, finish: () => {}, note: () => {}, warn: () => {} };

/** The same reporter, but a warning that was said already is not said again: many cells of a study meet the same one. */
export function warningOnce(reporter: Reporter): Reporter {
  const said = new Set<string>();
  return {
    progress: (progress) => reporter.progress(progress),
    finish: (sentence) => reporter.finish(sentence),
    note: (sentence) => reporter.note(sentence),
    warn: (sentence) => {
      if (said.has(sentence)) return;
      said.add(sentence);
      reporter.warn(sentence);
    },
  };
}
