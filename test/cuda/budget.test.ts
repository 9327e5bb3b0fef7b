// What the check of a CUDA library says of attention's kernels, with a stand-in for cuobjdump that tells made-up figures.
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";

const root = temporaryFolder();
const script = resolve(import.meta.dirname, "..", "..", "scripts", "check-cuda.mjs");

/** The lines on kernel `name`, as mangled, that takes so many registers. */
function check(architecture: number, name: string, registers: number): string[] {
  const cuobjdump = join(root, "cuobjdump");
  writeFileSync(
    cuobjdump,
    `#!/bin/sh\ncat <<END\narch = sm_${architecture}\n Function _ZN${name.length}${name}EEEv:\n  REG:${registers} STACK:0 SHARED:0 LOCAL:0\nEND\n`,
  );
  chmodSync(cuobjdump, 0o755);
  const { stdout, stderr } = spawnSync(process.execPath, [script, process.execPath, cuobjdump], { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line.includes(name));
}

it("holds what is built to the budget of its head size", () => {
  expect(check(80, "flash_kernelILi128E", 166)).toEqual([]);
  expect(check(80, "flash_kernelILi256E", 230)).toEqual([]);
});

it("names a kernel that takes more registers, and the blocks that no longer fit", () => {
  expect(check(80, "flash_kernelILi128E", 230)).toEqual([
    "FAILED _ZN19flash_kernelILi128EEEEv on sm_80: 230 registers, 168 allowed",
    "FAILED _ZN19flash_kernelILi128EEEEv on sm_80: 2 blocks fit, 3 wanted",
  ]);
});

it("wants as many blocks as an architecture's shared memory has room for", () => {
  // Three by registers; by shared memory three on sm_80, one on sm_86.
  expect(check(86, "flash_kernelILi128E", 166)).toEqual([]);
  expect(check(86, "flash_query_gradient_kernelILi64E", 255)).toHaveLength(1);
  expect(check(80, "flash_query_gradient_kernelILi64E", 255)).toHaveLength(2);
});

it("asks for a budget where a head size has none", () => {
  expect(check(90, "flash_key_gradient_kernelILi112E", 100)).toEqual([
    "FAILED _ZN32flash_key_gradient_kernelILi112EEEEv on sm_90: the budget does not state its head size",
  ]);
});
