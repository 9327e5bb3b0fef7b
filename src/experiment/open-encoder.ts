// The encoder behind the similarity of answers, opened for work and fetched where need be.
import type { Reporter } from "../base/reporter.js";
import type { DeviceName } from "../engine/backend-choice.js";
import { type Encoder, openEncoder } from "../engine/encoder.js";
import { openEncoderPackage } from "./session.js";

export interface EncoderWish {
  /** A folder or an alias; all-minilm-l6-v2 where left out. */
  readonly encoder?: string | undefined;
  readonly device: DeviceName;
  /** 0: all cores that may be used. */
  readonly threads: number;
  readonly batchInvariant?: boolean | undefined;
  readonly reporter: Reporter;
}

/** Dispose of it, or hold it with `using`. */
export async function openSimilarityEncoder(wish: EncoderWish): Promise<Encoder> {
  const { encoder, device, threads, batchInvariant = false, reporter } = wish;
  const model = await openEncoderPackage(encoder ?? "all-minilm-l6-v2", reporter);
  return openEncoder(model, { device, threads, batchInvariant });
}
