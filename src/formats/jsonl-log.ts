// A JSON Lines file that grows while work goes on and is taken up again after an interruption. A last line that was torn is dropped.

import { type FileHandle, mkdir, open, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError } from "../base/error.js";
import { writeError } from "../base/write-file.js";
import { isRecord } from "./json.js";
import { readError, systemCode } from "./open-file.js";
import type { Row } from "./row-table.js";

export class JsonLinesLog {
  readonly path: string;
  /** The rows that were in the file when it was opened. */
  readonly rows: readonly Row[];
  /** Whether a torn last line was dropped on opening. */
  readonly droppedTornLine: boolean;
  private readonly handle: FileHandle;
  /** Appends follow one another, in the order they were asked for. */
  private queue: Promise<void> = Promise.resolve();

  private constructor(path: string, handle: FileHandle, found: FoundRows) {
    this.path = path;
    this.handle = handle;
    this.rows = found.rows;
    this.droppedTornLine = found.torn;
  }

  /** Opens or makes the file; rows already there are read and kept. */
  static async open(path: string): Promise<JsonLinesLog> {
    const found = await readWholeLines(path);
    try {
      await mkdir(dirname(path), { recursive: true });
      if (found.torn) await truncate(path, found.bytes);
      return new JsonLinesLog(path, await open(path, "a"), found);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Adds rows, each as one line, in one write. */
  append(rows: readonly object[]): Promise<void> {
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    const done = this.queue
      .then(() => this.handle.appendFile(text))
      .catch((error: unknown) => Promise.reject(writeError(this.path, error)));
    this.queue = done.catch(() => undefined);
    return done;
  }

  /** Waits for what was asked for and closes the file. */
  async close(): Promise<void> {
    await this.queue;
    await this.handle.close();
  }
}

interface FoundRows {
  readonly rows: Row[];
  /** Bytes of the whole lines. */
  readonly bytes: number;
  readonly torn: boolean;
}

async function readWholeLines(path: string): Promise<FoundRows> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return { rows: [], bytes: 0, torn: false };
    throw readError("file of rows", path, error);
  }
  const bytes = content.lastIndexOf(10) + 1;
  const lines = content.toString("utf8", 0, bytes).split("\n");
  const rows = lines.flatMap((line, index) => (line.trim() === "" ? [] : [parseRow(path, line, index + 1)]));
  return { rows, bytes, torn: bytes < content.length };
}

function parseRow(path: string, line: string, number: number): Row {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecord(value)) return value;
  } catch {
    // Reported below, like a value that is no object.
  }
  throw new InputError(
    "json_syntax",
    `${path}, line ${number}: expected a JSON object; the file is damaged, move it away to start anew.`,
  );
}
