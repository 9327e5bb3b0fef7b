// What a process may take, and the refusal of work that needs more.
import { totalmem } from "node:os";
import process from "node:process";
import { formatByteSize } from "../base/byte-size.js";
import { InputError } from "../base/error.js";
import type { MemoryPart, MemoryPlan } from "./memory-plan.js";

export interface MemoryLimit {
  readonly bytes: number;
  readonly source: "budget" | "control group" | "machine" | "device";
  /** Of a card: what the driver and other processes hold. */
  readonly held?: number;
}

/** Of a card: what is free on it, or the budget where that is less. */
export function deviceLimit(
  card: { readonly freeBytes: number; readonly totalBytes: number },
  budget: number | null,
): MemoryLimit {
  if (budget !== null && budget < card.freeBytes) return { bytes: budget, source: "budget" };
  return { bytes: card.freeBytes, source: "device", held: card.totalBytes - card.freeBytes };
}

/** The budget where one was given, else the smaller of the control group's limit and the machine's memory. */
export function memoryLimit(budget: number | null): MemoryLimit {
  if (budget !== null) return { bytes: budget, source: "budget" };
  const machine = totalmem();
  const group = process.constrainedMemory();
  // 0 or a number beyond any machine: no limit.
  return group > 0 && group < machine
    ? { bytes: group, source: "control group" }
    : { bytes: machine, source: "machine" };
}

/** `800 MiB, the memory budget`. */
export function describeLimit({ bytes, source, held }: MemoryLimit): string {
  const taken = held === undefined ? "" : ` (the driver and other processes hold ${formatByteSize(held)})`;
  return `${formatByteSize(bytes)}, ${sources[source]}${taken}`;
}

/** Throws InputError("memory") where a plan exceeds the limit: how much, the largest parts, what to lower. */
export function expectFits(plans: readonly MemoryPlan[], limit: MemoryLimit): void {
  const [worst] = [...plans].sort((a, b) => b.peak - a.peak);
  if (worst === undefined || worst.peak <= limit.bytes) return;
  const sorted = [...worst.parts].sort((a, b) => b.bytes - a.bytes);
  const largest = sorted.slice(0, 3);
  const lower = [...new Set(sorted.flatMap(({ remedy }) => remedy ?? []))].slice(0, 3);
  const remedies = limit.source === "device" ? ["end other programs on the card", ...lower] : lower;
  const mend = remedies.length === 0 ? "" : `; ${remedies.join("; ")}`;
  throw new InputError(
    "memory",
    `Expected ${purposes[worst.purpose]} to fit in ${describeLimit(limit)}, but it needs ${formatByteSize(worst.peak)}: ${largest.map(describe).join(", ")}${mend}.`,
  );
}

const purposes = {
  training: "training",
  generating: "generating",
  scoring: "scoring",
  loading: "loading the model",
  embedding: "the encoder",
} as const satisfies Record<MemoryPlan["purpose"], string>;

const sources = {
  budget: "the memory budget",
  "control group": "what this process's control group allows (--memory-budget overrides)",
  device: "what is free on the card",
  machine: "this machine's memory (--memory-budget overrides)",
} as const satisfies Record<MemoryLimit["source"], string>;

function describe(part: MemoryPart): string {
  return `${part.name} ${formatByteSize(part.bytes)}`;
}
