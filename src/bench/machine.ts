// The machine that a figure was taken on, named by its processor, never by a host name.
import { availableParallelism, cpus } from "node:os";

/** `intel-xeon-2.50ghz-2-cores`. */
export function machineName(): string {
  const model = cpus()[0]?.model ?? "unknown";
  const words = model.replace(/\((R|TM|C)\)|@|\b(CPU|Processor|\d+-Core)\b/gi, " ").trim();
  return `${words.toLowerCase().replace(/[^a-z0-9.]+/g, "-")}-${availableParallelism()}-cores`;
}
