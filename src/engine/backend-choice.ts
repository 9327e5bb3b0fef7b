// From what the user asked for to a backend that runs here; never another one in silence.
import { InputError } from "../base/error.js";
import type { BackendName, NativeInfo } from "../native/types.js";

export const deviceNames = ["auto", "cpu", "reference", "cuda"] as const;
export type DeviceName = (typeof deviceNames)[number];

/** `auto` is cuda where a card is there and `proven` (its self-test has passed on it), else cpu. */
export function chooseBackend(device: DeviceName | "reference-double", info: NativeInfo, proven = false): BackendName {
  const cuda = proven && info.backends.some(({ name, available }) => name === "cuda" && available);
  const wanted = device === "auto" ? (cuda ? "cuda" : "cpu") : device;
  const listed = wanted === "reference-double" ? "reference" : wanted;
  const backend = info.backends.find((candidate) => candidate.name === listed);
  if (backend?.available === true) return wanted;
  const why = backend === undefined ? "this build does not contain it" : backend.detail;
  const available = info.backends.filter((candidate) => candidate.available).map((candidate) => candidate.name);
  throw new InputError(
    "backend_unavailable",
    `The ${wanted} backend cannot be used here: ${why}. Available: ${available.join(", ")} (choose with --device).`,
  );
}
