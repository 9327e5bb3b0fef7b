// The Python programs that lie beside this file, in src as in the package.
import { readFileSync } from "node:fs";

/**
 * - launch.py: shuts itself in and becomes the runner.
 * - runner.py: runs one program and says how it ended.
 * - probe.py: a program that tries to get out.
 */
export function pythonSource(name: "launch.py" | "runner.py" | "probe.py"): string {
  return readFileSync(new URL(`../../../src/eval/sandbox/${name}`, import.meta.url), "utf8");
}
