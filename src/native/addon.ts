// The only place that loads the native addon.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { SdftError } from "../base/error.js";
import type { NativeAddon } from "./types.js";

const root = resolve(import.meta.dirname, "..", "..");
/** The addon's file, built or not. */
export const addonPath = join(root, "build", "Release", "sdft.node");

let loaded: NativeAddon | undefined;

/** The engine; loaded once. Throws SdftError("addon") where it is not built or does not fit this machine. */
export function loadAddon(): NativeAddon {
  loaded ??= load(addonPath);
  return loaded;
}

function load(path: string): NativeAddon {
  if (!existsSync(path)) {
    throw new SdftError("addon", `Expected the engine at ${path} but it is not built: run npm run build in ${root}.`);
  }
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SdftError("addon", `The engine at ${path} cannot be loaded (${reason}): run npm run build in ${root}.`, {
      cause: error,
    });
  }
}
