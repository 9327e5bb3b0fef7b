// The version in package.json, the one place that names it.
import { readFileSync } from "node:fs";

export function sdftVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null && "version" in value ? String(value.version) : "unknown";
}
