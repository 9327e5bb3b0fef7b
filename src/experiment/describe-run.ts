// What a manifest says of a run's making: model, engine, machine. Stages of an earlier run in the same folder stay.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import type { Reporter } from "../base/reporter.js";
import { sdftVersion } from "../base/version.js";
import { addonPath } from "../native/addon.js";
import type { RunManifest } from "../report/manifest.js";
import type { Session } from "./session.js";

export async function describeRun(session: Session, earlier: RunManifest | null): Promise<RunManifest> {
  const { backend, weightFormat, compute, threads, info } = session.engine.setting;
  const { device } = session.engine;
  const processors = cpus();
  return {
    format: 1,
    sdft: sdftVersion(),
    started: earlier?.started ?? new Date().toISOString(),
    seconds: null,
    peak_memory: null,
    model: { name: session.model.name, fingerprint: session.model.fingerprint },
    engine: {
      revision: info.revision,
      compiler: info.compiler,
      backend,
      weights: weightFormat,
      compute,
      threads,
      cpu_features: [...info.cpuFeatures],
      ...(device === null ? {} : { device }),
      addon: await addonHash(),
    },
    machine: {
      cpu: processors[0]?.model ?? "unknown",
      cores: processors.length,
      memory: totalmem(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    },
    stages: earlier?.stages ?? {},
  };
}

/** Warns where stages are kept that another card, other libraries or another instruction set computed: on one device bits are the same, not on two. */
export function warnOfOtherDevice(earlier: RunManifest | null, now: RunManifest, reporter: Reporter): void {
  const [before, device] = [earlier?.engine.device, now.engine.device];
  if (before === undefined || device === undefined || before === device) return;
  if (Object.keys(now.stages).length === 0) return;
  reporter.warn(`Stages that are finished were computed on ${before}; what is left is computed on ${device}.`);
}

async function addonHash(): Promise<string> {
  return createHash("sha256")
    .update(await readFile(addonPath))
    .digest("hex");
}
