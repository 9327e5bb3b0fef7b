// All that the command line shows: progress, notes and tables on stderr, one JSON document on stdout with --json.
import { stderr, stdout } from "node:process";
import type { SingleBar } from "cli-progress";
import picocolors from "picocolors";
import type { Progress, Reporter } from "../base/reporter.js";

export interface TerminalOptions {
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Seconds between two lines of progress where there is no terminal. */
const lineInterval = 10;

export class Terminal implements Reporter {
  readonly color = picocolors.createColors(picocolors.isColorSupported && stderr.isTTY === true);
  private bar: SingleBar | null = null;
  private current: { stage: string; started: number; lastLine: number; firstShare: number } | null = null;
  private barModule: typeof import("cli-progress") | null = null;

  constructor(readonly options: TerminalOptions) {}

  /** Loads what a terminal needs for bars; without it progress comes in lines. */
  async prepare(): Promise<void> {
    if (stderr.isTTY === true) this.barModule = await import("cli-progress");
  }

  progress(progress: Progress): void {
    const now = performance.now() / 1000;
    if (this.current === null || this.current.stage !== progress.stage) {
      this.stopBar();
      this.current = { stage: progress.stage, started: now, lastLine: now, firstShare: shareOf(progress) };
    }
    // A note in between took the bar away.
    if (this.bar === null && this.barModule !== null) this.bar = this.startBar(this.barModule);
    const rest = describeRest(progress, now - this.current.started, this.current.firstShare);
    if (this.bar !== null) {
      this.bar.setTotal(progress.total);
      this.bar.update(progress.done, { stage: progress.stage, unit: progress.unit, rest });
    } else if (now - this.current.lastLine >= lineInterval) {
      this.current.lastLine = now;
      stderr.write(`${progress.stage}: ${progress.done}/${progress.total} ${progress.unit}${rest}\n`);
    }
  }

  finish(sentence: string): void {
    this.stopBar();
    this.current = null;
    this.note(sentence);
  }

  note(sentence: string): void {
    this.stopBar();
    stderr.write(`${sentence}\n`);
  }

  warn(sentence: string): void {
    this.note(this.color.yellow(`Warning: ${sentence}`));
  }

  /** Text as it comes, without a line feed of ours. */
  stream(text: string): void {
    this.stopBar();
    stderr.write(text);
  }

  /** The command's outcome: the document on stdout with --json, the text on stderr otherwise. */
  result(document: unknown, text: string): void {
    this.stopBar();
    if (this.options.json) stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    else if (text !== "") stderr.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  close(): void {
    this.stopBar();
  }

  private startBar(module: typeof import("cli-progress")): SingleBar {
    const bar = new module.SingleBar(
      {
        format: "{stage} {bar} {value}/{total} {unit}{rest}",
        barsize: 24,
        clearOnComplete: true,
        hideCursor: true,
        stream: stderr,
      },
      module.Presets.shades_classic,
    );
    bar.start(1, 0, { stage: "", unit: "", rest: "" });
    return bar;
  }

  private stopBar(): void {
    this.bar?.stop();
    this.bar = null;
  }
}

/** `, 123 tokens/s, 1:20 left, loss 0.71`; `firstShare` was done when the clock started. */
export function describeRest(progress: Progress, elapsed: number, firstShare: number): string {
  const parts: string[] = [];
  const speed =
    progress.tokensPerSecond ?? (progress.tokens !== undefined && elapsed > 0.5 ? progress.tokens / elapsed : null);
  if (speed !== null) parts.push(`${Math.round(speed)} tokens/s`);
  const made = shareOf(progress) - firstShare;
  if (made > 0 && progress.done < progress.total) {
    parts.push(`${formatDuration((elapsed / made) * (1 - shareOf(progress)))} left`);
  }
  if (progress.detail !== undefined) parts.push(progress.detail);
  return parts.map((part) => `, ${part}`).join("");
}

function shareOf({ share, done, total }: Progress): number {
  return share ?? done / Math.max(1, total);
}

/** `0:42`, `12:05`, `3:00:10`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
