// A call on the engine that an abort signal can end.
import { throwIfInterrupted } from "../base/interrupted.js";

/** Runs `work`, which rejects once `cancel` was called; throws Interrupted with the message where the signal has fired. */
export async function cancellable<Result>(
  signal: AbortSignal | undefined,
  message: string,
  cancel: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  throwIfInterrupted(signal, message);
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await work();
  } catch (error) {
    throwIfInterrupted(signal, message);
    throw error;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}
