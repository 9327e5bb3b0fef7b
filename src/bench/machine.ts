// The machine that a figure was taken on, named by its processor, never by a host name.
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/** `intel-xeon-2.50ghz-family-6-model-85-2-cores`. */
export function machineName(): string {
  return machineNameOf(cpus()[0]?.model ?? "unknown", linuxProcessorInfo(), availableParallelism());
}

/**
 * A name without blanks from a processor's own. Virtual machines give bare ones ("AMD EPYC") to processors of many
 * generations, so the family and model numbers that Linux knows of x86 processors are part of it.
 */
export function machineNameOf(model: string, processorInfo: string, cores: number): string {
  const words = model.replace(/\((R|TM|C)\)|@|\b(CPU|Processor|\d+-Core)\b/gi, " ").trim();
  const family = /^cpu family\s*:\s*(\d+)$/m.exec(processorInfo)?.[1];
  const number = /^model\s*:\s*(\d+)$/m.exec(processorInfo)?.[1];
  const generation = family === undefined || number === undefined ? "" : `-family-${family}-model-${number}`;
  return `${words.toLowerCase().replace(/[^a-z0-9.]+/g, "-")}${generation}-${cores}-cores`;
}

function linuxProcessorInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
