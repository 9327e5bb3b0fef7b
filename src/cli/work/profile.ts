// --profile: what each kernel of the command's work cost, against the machine's roof, on stderr at the end.
import type { Engine } from "../../engine/engine.js";
import { measureRoof, profileLines, profileSince } from "../../engine/profile.js";
import type { Terminal } from "../terminal.js";

export interface ProfileArgs {
  readonly profile: boolean;
}

/** Call it when the model is loaded; what it returns shows the table of what ran since, and measures the roof for it (a second). */
export function startProfile({ profile }: ProfileArgs, engine: Engine, terminal: Terminal): () => Promise<void> {
  if (!profile) return async () => {};
  const before = engine.profile;
  return async () => {
    const after = profileSince(before, engine.profile);
    const { threads, backend } = engine.setting;
    // The roof is the processor's: it says nothing of another device.
    const roof = backend === "cpu" ? await measureRoof(threads) : null;
    for (const line of profileLines(after, roof)) terminal.note(line);
    if (roof !== null) {
      const { gflops, gigabytesPerSecond, instructionSet } = roof;
      terminal.note(
        `The roof: ${gflops.toFixed(0)} GFLOP/s (f32 multiply-adds, ${instructionSet}) and ${gigabytesPerSecond.toFixed(1)} GB/s from memory; what stays in caches can pass it.`,
      );
    }
  };
}
