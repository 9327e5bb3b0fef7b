// Sizes of memory as people write and read them.
import { InputError } from "./error.js";

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of `800MB`, `1.5 GiB` or `2G` (K, M, G and T alone are binary); `name` says whose value it is. */
export function parseByteSize(text: string, name: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = units[(match?.[2] ?? "?").toLowerCase()];
  const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new InputError("size", `Expected a size such as 800MB or 1.5GiB for ${name} but received ${text}.`);
  return bytes;
}

/** `739 MiB`, `1.5 GiB`. */
export function formatByteSize(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(bytes >= 10 * 2 ** 30 ? 0 : 1)} GiB`;
  return bytes >= 10 * 2 ** 20 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
