// From what the user asked for to a backend that runs here; never another one in silence.
import { InputError } from "../base/error.js";
import type { BackendName, NativeInfo } from "../native/types.js";
import type { SelfTestOutcome } from "./self-test-record.js";

export const deviceNames = ["auto", "cpu", "reference", "cuda"] as const;
export type DeviceName = (typeof deviceNames)[number];

/** `auto` is cuda where a card is there that has passed its self-test, else cpu. Throws for a backend that is off, and for a card that has failed it. */
export function chooseBackend(
  device: DeviceName | "reference-double",
  info: NativeInfo,
  selfTest: SelfTestOutcome = "unknown",
): BackendName {
  const card = usableCard(info) !== null;
  const wanted = device === "auto" ? (card && selfTest === "passed" ? "cuda" : "cpu") : device;
  if (wanted === "cuda" && card && typeof selfTest === "object") {
    throw new InputError(
      "selftest",
      `The cuda backend has failed its self-test here, first at "${selfTest.firstFailure}", so its results would be wrong: use --device cpu, or run sdft selftest --device cuda again after mending.`,
    );
  }
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

/** What `auto` takes and why, in one line; null where there is no card. */
export function explainAuto(info: NativeInfo, selfTest: SelfTestOutcome): string | null {
  const card = usableCard(info);
  if (card === null) {
    const off = info.backends.find(({ name }) => name === "cuda");
    return info.cuda.devices.length === 0 || off === undefined
      ? null
      : `--device auto takes the cpu: the card can't be used (${off.detail}).`;
  }
  if (selfTest === "passed") return `--device auto takes cuda: its self-test has passed on ${card}.`;
  if (selfTest === "unknown")
    return "--device auto takes the cpu: no self-test has run on the card; run sdft selftest --device cuda first.";
  return `--device auto takes the cpu: the card has failed its self-test, first at "${selfTest.firstFailure}".`;
}

/** What the engine says of the card that cuda would run on, or null. */
function usableCard(info: NativeInfo): string | null {
  return info.backends.find(({ name, available }) => name === "cuda" && available)?.detail ?? null;
}
