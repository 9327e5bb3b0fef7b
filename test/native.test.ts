// Runs build/native_tests: one `it` for each case that the program lists.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const program = [process.env.SDFT_NATIVE_TESTS, "build/native_tests", "build/Release/native_tests"]
  .filter((path) => path !== undefined)
  .map((path) => resolve(root, path))
  .find((path) => existsSync(path));

function run(path: string, args: string[]): { status: number | null; output: string } {
  const result = spawnSync(path, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

/** The exit status of a program whose cases could not run here. */
const SKIPPED = 77;

describe("native", () => {
  if (program === undefined) {
    it.skip("native_tests is not built: run `node scripts/setup.mjs --tests` (cmake -DSDFT_BUILD_TESTS=ON)", () => {});
    return;
  }
  const list = run(program, ["--list"]);
  it("lists its cases", () => {
    expect(list.status, list.output).toBe(0);
    const names = list.output.trim().split("\n");
    expect(new Set(names).size).toBe(names.length);
  });
  for (const name of list.status === 0 ? list.output.trim().split("\n") : []) {
    it(name, (context) => {
      const { status, output } = run(program, [name]);
      if (status === SKIPPED) context.skip(output.trim());
      expect(status, output).toBe(0);
    });
  }
});
