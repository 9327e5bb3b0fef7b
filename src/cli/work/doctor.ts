// The work of `sdft doctor`: facts for a person, and for the issue they file.
import { access, constants, readdir, stat } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { sdftVersion } from "../../base/version.js";
import { chooseBackend, explainAuto } from "../../engine/backend-choice.js";
import { selfTestOutcome } from "../../engine/self-test-record.js";
import { findSandbox } from "../../eval/sandbox/find-sandbox.js";
import { cacheFolder } from "../../models/aliases.js";
import { addonPath, loadAddon } from "../../native/addon.js";
import type { NativeInfo } from "../../native/types.js";
import type { Terminal } from "../terminal.js";

export async function runDoctor(terminal: Terminal): Promise<void> {
  const addon = openAddon();
  const cache = await describeCache();
  const sandbox = await describeSandbox();
  const facts = {
    sdft: sdftVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    processors: availableParallelism(),
    memory: { total: totalmem(), free: freemem() },
    cache,
    sandbox,
    addon: "error" in addon ? { path: addonPath, error: addon.error } : { path: addonPath, ...addon.info },
  };
  terminal.result(
    facts,
    [...machineLines(facts), ...cacheLines(cache), ...sandboxLines(sandbox), ...addonLines(addon, terminal)].join("\n"),
  );
  if ("error" in addon) process.exitCode = 1;
}

type AddonState = { readonly info: NativeInfo } | { readonly error: string };

function openAddon(): AddonState {
  try {
    return { info: loadAddon().info() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

interface CacheState {
  readonly folder: string;
  readonly writable: boolean;
  /** Of the models in it. */
  readonly bytes: number;
  readonly models: readonly string[];
}

async function describeCache(): Promise<CacheState> {
  const folder = cacheFolder();
  const names = await readdir(join(folder, "models")).catch(() => []);
  let bytes = 0;
  for (const name of names) bytes += (await stat(join(folder, "models", name)).catch(() => null))?.size ?? 0;
  return { folder, writable: await canWrite(folder), bytes, models: names };
}

/** Whether the folder, or the nearest one above it that exists, can be written. */
async function canWrite(folder: string): Promise<boolean> {
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  if (!there) return dirname(folder) === folder ? false : canWrite(dirname(folder));
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Where programs that a model wrote can run (HumanEval). */
interface SandboxState {
  readonly method: string | null;
  readonly python: string | null;
  readonly numpy: string | null;
  /** Whether memory is bounded for all processes of a program together. */
  readonly controlGroup: boolean;
  /** Why a method is out, or why there is none. */
  readonly refusals: readonly string[];
}

async function describeSandbox(): Promise<SandboxState> {
  try {
    const { sandbox, refusals } = await findSandbox();
    return {
      method: sandbox?.method ?? null,
      python: sandbox?.python.version ?? null,
      numpy: sandbox?.python.numpy ?? null,
      controlGroup: sandbox?.groups != null,
      refusals: refusals.map(({ method, reason }) => `${method}: ${reason}`),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { method: null, python: null, numpy: null, controlGroup: false, refusals: [reason] };
  }
}

function sandboxLines({ method, python, numpy, controlGroup, refusals }: SandboxState): string[] {
  const out = refusals.length > 0 ? `; not by ${refusals.join("; ")}` : "";
  if (method === null) return [`Sandbox for programs (HumanEval): none: ${refusals.join("; ")}`];
  const parts = [`Python ${python}`, numpy === null ? "no NumPy" : `NumPy ${numpy}`];
  const memory = controlGroup ? "memory bounded by a control group" : "memory bounded for each process";
  return [`Sandbox for programs (HumanEval): ${method}, ${parts.join(", ")}, ${memory}${out}`];
}

function machineLines(facts: {
  sdft: string;
  node: string;
  platform: string;
  cpu: string;
  processors: number;
  memory: { total: number; free: number };
}): string[] {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  return [
    `sdft ${facts.sdft}, Node ${facts.node}, ${facts.platform}`,
    `Processor: ${facts.cpu}, ${facts.processors} threads may be used`,
    `Memory: ${gigabytes(facts.memory.total)}, ${gigabytes(facts.memory.free)} free`,
  ];
}

function cacheLines({ folder, writable, bytes, models }: CacheState): string[] {
  return [
    `Cache: ${folder} (${writable ? "can be written" : "can NOT be written"}), ${models.length} models, ${Math.round(bytes / 1e6)} MB`,
  ];
}

/** What `auto` takes and why, or why it takes nothing. */
function explainChoice(info: NativeInfo): string {
  const selfTest = selfTestOutcome(info);
  try {
    chooseBackend("auto", info, selfTest);
  } catch (error) {
    return `--device auto has nothing to take. ${error instanceof Error ? error.message : String(error)}`;
  }
  return explainAuto(info, selfTest) ?? "--device auto takes the cpu: there is no card that can be used.";
}

function addonLines(addon: AddonState, { color }: Terminal): string[] {
  if ("error" in addon) return [color.red(`Engine: ${addon.error}`)];
  const { info } = addon;
  return [
    `Engine: revision ${info.revision}, ${info.compiler}, ${info.physicalCores} physical cores`,
    `Instruction sets: ${info.cpuFeatures.length > 0 ? info.cpuFeatures.join(", ") : "none beyond the base"}`,
    "Backends:",
    ...info.backends.map(
      ({ name, available, detail }) =>
        `  ${name.padEnd(10)} ${available ? color.green("on ") : color.yellow("off")} ${detail}`,
    ),
    explainChoice(info),
    `CUDA library: ${info.cuda.library}`,
    `CUDA driver: ${info.cuda.driver}`,
    `CUDA devices: ${info.cuda.devices.length > 0 ? info.cuda.devices.join("; ") : "none"}`,
  ];
}
