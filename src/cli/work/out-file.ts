// Where results go: whether they can be written there, and what they would replace, is known before the work begins, not after it.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { InputError } from "../../base/error.js";
import { expectWritableFile } from "../../base/write-file.js";

/** The file that `generate` and `score` write. */
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

/** Results of an earlier command are never replaced: `file` in the folder must not be there yet. `what` names it for people. */
export function expectNoEarlier(folder: string, file: string, what: string): void {
  if (existsSync(join(folder, file)))
    throw new InputError(
      "out_in_use",
      `${folder} already holds ${what} (${file}): choose another --out, or remove that folder first.`,
    );
}
