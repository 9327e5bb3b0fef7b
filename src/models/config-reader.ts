// Reads typed values out of a configuration object and collects all faults, so that one error lists them together.

import { InputError } from "../base/error.js";
import { describe, isRecord } from "../formats/json.js";

export class ConfigReader {
  readonly values: Readonly<Record<string, unknown>>;
  /** File the values come from, for messages. */
  readonly path: string;
  private readonly faults: string[];
  private readonly prefix: string;

  constructor(path: string, values: Readonly<Record<string, unknown>>, parent?: { faults: string[]; prefix: string }) {
    this.path = path;
    this.values = values;
    this.faults = parent?.faults ?? [];
    this.prefix = parent?.prefix ?? "";
  }

  /** Whether the key has a value other than null. */
  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null;
  }

  /** A positive integer; without a fallback the key is required. Null counts as absent. */
  size(key: string, fallback?: number): number {
    return this.read(
      key,
      fallback,
      1,
      "a positive integer",
      (value): value is number => Number.isSafeInteger(value) && Number(value) > 0,
    );
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    return this.read(
      key,
      fallback,
      1,
      "a number",
      (value): value is number => typeof value === "number" && Number.isFinite(value),
    );
  }

  positive(key: string, fallback?: number): number {
    return this.read(
      key,
      fallback,
      1,
      "a positive number",
      (value): value is number => typeof value === "number" && Number.isFinite(value) && value > 0,
    );
  }

  flag(key: string, fallback: boolean): boolean {
    return this.read(key, fallback, fallback, "true or false", (value): value is boolean => typeof value === "boolean");
  }

  text(key: string, fallback?: string): string {
    return this.read(key, fallback, "", "a string", (value): value is string => typeof value === "string");
  }

  /** A nested object, or null when the key is absent. Its faults are this reader's. */
  object(key: string): ConfigReader | null {
    if (!this.has(key)) return null;
    const value = this.values[key];
    if (isRecord(value))
      return new ConfigReader(this.path, value, { faults: this.faults, prefix: `${this.prefix}${key}.` });
    this.fault(key, `expected an object but found ${describe(value)}`);
    return null;
  }

  /** A list of strings, or null when the key is absent. */
  texts(key: string): string[] | null {
    if (!this.has(key)) return null;
    const value = this.values[key];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    this.fault(key, `expected a list of strings but found ${describe(value)}`);
    return null;
  }

  /** Notes a fault at a key. */
  fault(key: string, message: string): void {
    this.faults.push(`${this.prefix}${key}: ${message}`);
  }

  /** A fault when the key has any value but the accepted ones (absent and null are accepted). */
  only(key: string, accepted: readonly unknown[], why: string): void {
    if (this.has(key) && !accepted.includes(this.values[key]))
      this.fault(key, `${JSON.stringify(this.values[key])} ${why}`);
  }

  /** Throws one error with every fault noted so far, if there is any. */
  throwFaults(what: string): void {
    if (this.faults.length > 0)
      throw new InputError("model_config", `${this.path}: ${what}: ${this.faults.join("; ")}.`);
  }

  private read<T>(
    key: string,
    fallback: T | undefined,
    placeholder: T,
    expected: string,
    accepts: (value: unknown) => value is T,
  ): T {
    const value = this.values[key];
    if (value === undefined || value === null) {
      if (fallback === undefined) this.fault(key, `expected ${expected}, but it is missing`);
      return fallback ?? placeholder;
    }
    if (accepts(value)) return value;
    this.fault(key, `expected ${expected} but found ${describe(value)}`);
    return placeholder;
  }
}
