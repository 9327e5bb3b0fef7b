// Where and when a figure was taken. The machine is named by its processor, never by a host name.
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { resolve } from "node:path";

/** Of the project; this file runs from build/bench. */
export const projectRoot = resolve(import.meta.dirname, "..", "..");

/** `intel-xeon-2.50ghz-2-cores`; also the name of the results file. */
export function machineName(): string {
  const model = cpus()[0]?.model ?? "unknown";
  const words = model.replace(/\((R|TM|C)\)|@|\b(CPU|Processor|\d+-Core)\b/gi, " ").trim();
  return `${words.toLowerCase().replace(/[^a-z0-9.]+/g, "-")}-${availableParallelism()}-cores`;
}

/** The short hash, with `-dirty` where tracked files differ from it. */
export function commitName(): string {
  const result = spawnSync("git", ["describe", "--always", "--dirty", "--exclude=*"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  return result.status === 0 ? result.stdout.trim() : "unknown";
}
