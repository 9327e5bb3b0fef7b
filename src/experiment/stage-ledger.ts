// Which stages of a run are done: a stage is skipped when the hash of everything it depends on is unchanged and its files are there.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type RunManifest, type StageWork, writeManifest } from "../report/manifest.js";

export interface Stage {
  /** `distill`, `train vanilla`, `evaluate sdft gsm8k`. */
  readonly name: string;
  readonly hash: string;
  /** Files that must be there, relative to the run folder. */
  readonly files: readonly string[];
}

/** For what a later estimate of time is made from. */
export interface StageEffort {
  readonly work: StageWork;
  /** Worked on by this call, not by an interrupted one before it. */
  readonly tokens: number;
}

export class StageLedger {
  constructor(
    private readonly folder: string,
    private manifest: RunManifest,
  ) {}

  /** Does the work unless it is done already, and records it with the tokens that it says it worked on. */
  async run(stage: Stage, work: () => Promise<StageEffort | null>): Promise<"done" | "skipped"> {
    if (await this.isDone(stage)) return "skipped";
    const started = performance.now();
    const effort = await work();
    const record = {
      hash: stage.hash,
      seconds: Math.round(performance.now() - started) / 1000,
      finished: new Date().toISOString(),
      ...(effort === null || effort.tokens === 0 ? {} : effort),
    };
    await this.write({ stages: { ...this.manifest.stages, [stage.name]: record } });
    return "done";
  }

  /** Merges the change into manifest.json. */
  async write(change: Partial<RunManifest>): Promise<void> {
    this.manifest = { ...this.manifest, ...change };
    await writeManifest(this.folder, this.manifest);
  }

  private async isDone(stage: Stage): Promise<boolean> {
    if (this.manifest.stages[stage.name]?.hash !== stage.hash) return false;
    for (const file of stage.files) {
      const there = await access(join(this.folder, file)).then(
        () => true,
        () => false,
      );
      if (!there) return false;
    }
    return true;
  }
}
