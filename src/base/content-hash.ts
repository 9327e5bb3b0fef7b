// One hash for everything a stage depends on: equal content gives equal hashes, whatever the order of an object's keys.
import { createHash } from "node:crypto";

/** SHA-256 of the value as JSON with sorted keys, as 64 hexadecimal digits. Typed arrays count as lists. */
export function contentHash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value, sortKeys)).digest("hex");
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value instanceof Int32Array || value instanceof Float32Array) return [...value];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
