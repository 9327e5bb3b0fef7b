// Rows of a long stage as they come, one JSON object a line, so that an interrupted stage goes on where it stopped.
// The first line names what the rows were made from; a journal of anything else is started afresh with the first row, so that work which is
// refused before it has one leaves the files as they were.
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Devices, othersThan, withDevice } from "./devices.js";
import { writeError } from "./write-file.js";

/** Who computes the rows, and who hears that others did before. */
export interface ComputedBy {
  /** What their last bits depend on; null where that is nothing that changes. */
  readonly device: string | null;
  warn(sentence: string): void;
}

/** Of an engine, with whom a person listens to. */
export function computedBy(
  { device }: Pick<ComputedBy, "device">,
  hearer: { warn(sentence: string): void },
): ComputedBy {
  return { device, warn: (sentence) => hearer.warn(sentence) };
}

export interface Journal<Row> {
  /** Rows of an earlier, interrupted run. */
  readonly earlier: readonly Row[];
  append(row: Row): void;
  /** To be called when the stage's real output is written. */
  remove(): Promise<void>;
}

/** `parse` returns null for what is no row; a last line that was cut off is dropped. Rows of another device are kept, and `by` hears of it. */
export async function openJournal<Row>(
  path: string,
  fingerprint: string,
  parse: (value: unknown) => Row | null,
  by?: ComputedBy,
): Promise<Journal<Row>> {
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  const [header, ...rest] = lines.map(parseLine);
  const made = isRecord(header) && header.fingerprint === fingerprint ? header : null;
  const earlier = made !== null ? rest.flatMap((value) => parse(value) ?? []) : [];
  const before = earlier.length > 0 ? devicesOf(made) : [];
  const devices = withDevice(before, by?.device ?? null);
  if (by !== undefined && othersThan(by.device, before))
    by.warn(
      `Rows so far in ${path} were computed on ${before?.join(" and ")}; the rest are computed on ${by.device}, where their last bits may differ.`,
    );
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    mkdirSync(dirname(path), { recursive: true });
    const whole = [devices === null ? { fingerprint } : { fingerprint, devices }, ...earlier].map(
      (row) => `${JSON.stringify(row)}\n`,
    );
    writeFileSync(path, whole.join(""));
    begun = true;
  };
  return {
    earlier,
    append: (row) =>
      attempt(path, () => {
        begin();
        appendFileSync(path, `${JSON.stringify(row)}\n`);
      }),
    remove: () => rm(path, { force: true }),
  };
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw writeError(path, cause);
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function devicesOf(header: Record<string, unknown> | null): Devices {
  const devices = header?.devices;
  return Array.isArray(devices) ? devices.filter((one) => typeof one === "string") : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
