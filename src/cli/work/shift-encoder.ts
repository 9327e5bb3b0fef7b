// The encoder of `sdft shift`'s similarity.
import { SdftError } from "../../base/error.js";
import type { SentenceEncoder } from "../../eval/shift/compare-responses.js";
import type { Terminal } from "../terminal.js";
import type { ModelArgs } from "./model.js";

export interface EncoderArgs extends ModelArgs {
  readonly encoder?: string | undefined;
}

export async function openCommandEncoder(
  _args: EncoderArgs,
  _terminal: Terminal,
): Promise<SentenceEncoder & Disposable> {
  throw new SdftError("not_built", "The similarity of embeddings is not built yet: leave it out with --no-similarity.");
}
