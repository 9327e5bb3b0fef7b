// Which CUDA compiler the build takes, with a stand-in for one: no language is enabled, so no compiler of any kind is asked to work.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";

const root = temporaryFolder();
const script = resolve(import.meta.dirname, "..", "..", "cmake", "SdftCuda.cmake");

function configure(release: string, environment: Record<string, string>): { status: number | null; text: string } {
  const folder = join(root, `${release}-${environment.SDFT_CUDA}`);
  mkdirSync(folder);
  const nvcc = join(folder, "nvcc");
  writeFileSync(nvcc, `#!/bin/sh\necho "Cuda compilation tools, release ${release}, V${release}.99"\n`);
  chmodSync(nvcc, 0o755);
  writeFileSync(
    join(folder, "CMakeLists.txt"),
    `cmake_minimum_required(VERSION 3.18)\nproject(toolkit LANGUAGES NONE)\ninclude("${script}")\n`,
  );
  const { status, stdout, stderr } = spawnSync("cmake", ["-S", folder, "-B", join(folder, "build")], {
    encoding: "utf8",
    env: { ...process.env, CUDACXX: nvcc, ...environment },
  });
  return { status, text: `${stdout}${stderr}` };
}

it.each(["11.8", "12.3"])("a compiler of CUDA %s is too old: CUDA is off, and its version is named", (release) => {
  const { status, text } = configure(release, { SDFT_CUDA: "AUTO" });
  expect(status).toBe(0);
  expect(text).toMatch(
    new RegExp(`CUDA is off \\(\\S+nvcc is of CUDA ${release}, 12\\.4 or newer is needed; see docs/cuda\\.md\\)`),
  );
});

it("where CUDA was asked for, it is an error", () => {
  const { status, text } = configure("12.3", { SDFT_CUDA: "ON" });
  expect(status).not.toBe(0);
  expect(text.replace(/\s+/g, " ")).toMatch(
    /SDFT_CUDA is ON but \S+nvcc is of CUDA 12\.3: install CUDA 12\.4 or newer/,
  );
});
