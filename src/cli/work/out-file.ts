// The file that `generate` and `score` write: whether it can be written is known before the work begins, not after it.
import { resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { expectWritableFile } from "../../base/write-file.js";

export async function expectOutFile(args: {
  readonly input?: string | undefined;
  readonly out?: string | undefined;
}): Promise<void> {
  if (args.out === undefined) return;
  const path = resolve(args.out);
  if (args.input !== undefined && path === resolve(args.input))
    throw new InputError("out_in_use", `--out ${args.out} is the file that --input reads; choose another --out.`);
  await expectWritableFile(path);
}
