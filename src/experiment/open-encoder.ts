// The encoder behind the similarity of answers, opened for work and fetched where need be.
import type { Reporter } from "../base/reporter.js";
import type { DeviceName } from "../engine/backend-choice.js";
import { type Encoder, openEncoder } from "../engine/encoder.js";
import { openEncoderModel } from "../models/encoder-package.js";

export interface EncoderWish {
  /** A folder or an alias; all-minilm-l6-v2 where left out. */
  readonly encoder?: string | undefined;
  readonly device: DeviceName;
  /** 0: all cores that may be used. */
  readonly threads: number;
  readonly reporter: Reporter;
}

/** Dispose of it, or hold it with `using`. */
export async function openSimilarityEncoder(wish: EncoderWish): Promise<Encoder> {
  const { encoder, device, threads, reporter } = wish;
  let fetched = false;
  const model = await openEncoderModel(encoder, {
    onProgress: ({ file, doneBytes, totalBytes }) => {
      fetched = true;
      const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
      const total = megabytes(totalBytes ?? doneBytes);
      reporter.progress({ stage: `fetch ${file}`, done: megabytes(doneBytes), total, unit: "MB" });
    },
  });
  if (fetched) reporter.finish(`Fetched ${model.name} to ${model.path}.`);
  return openEncoder(model, { device, threads });
}
