// The cuda backend without a GPU: build/cuda_tests runs its kernels and a tiny model on the emulator, one `it` for each case; some again under sanitizers.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..", "..");
const programOf = (name: string): string => resolve(root, process.env.SDFT_CUDA_TESTS ?? "build", name);

function run(path: string, args: readonly string[]): { status: number | null; output: string } {
  // The addresses that ThreadSanitizer needs must not be taken by chance.
  const command = path.endsWith("_thread") ? ["setarch", "-R", path, ...args] : [path, ...args];
  const result = spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8", maxBuffer: 1 << 26 });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

function namesOf(path: string): string[] {
  const list = run(path, ["--list"]);
  return list.status === 0 ? list.output.trim().split("\n") : [];
}

describe("the cuda backend on the emulator", () => {
  const program = programOf("cuda_tests");
  if (!existsSync(program)) {
    it.skip("cuda_tests is not built: run `node scripts/setup.mjs --tests`", () => {});
    return;
  }
  const names = namesOf(program);
  it("lists its cases", () => expect(names.length).toBeGreaterThan(100));
  for (const name of names) {
    it(name, () => {
      const { status, output } = run(program, [name]);
      expect(status, output).toBe(0);
    });
  }
});

/** Small blocks of each kind: a barrier under ThreadSanitizer costs a thousand times what it costs otherwise. */
const sanitized = [
  "cuda.rows are moved, 5 x 7 with gaps",
  "cuda.rms_norm, 3 x 260 with gaps",
  "cuda.rms_norm, 2 x 1030",
  "cuda.rope, heads of 16 and 80",
  "cuda.adamw",
  "cuda.linear, f32, (9, 33) x 31",
  "cuda.linear, bf16, (9, 33) x 31",
  "cuda.linear, q8, (5, 96) x 33",
  "cuda.linear, q4, (40, 64) x 72",
  "cuda.lora, rank 3",
  "cuda.linear_integer, q4, 1 rows",
  "cuda.attention, heads of 20",
  "cuda.attention, 65 rows",
  "cuda.attention, heads of 80",
  "cuda.cached_attention, window 20",
  "cuda.linear_cross_entropy, bf16, 3 rows",
];

describe.each(["thread", "address"])("the cuda backend under the %s sanitizer", (sanitizer) => {
  const program = programOf(`cuda_tests_${sanitizer}`);
  if (!existsSync(program)) {
    it.skip(`cuda_tests_${sanitizer} is not built: run \`node scripts/setup.mjs --tests\``, () => {});
    return;
  }
  for (const name of sanitized) {
    it(name, () => {
      const { status, output } = run(program, [name]);
      expect(output).not.toMatch(/WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error/);
      expect(status, output).toBe(0);
    });
  }
});

describe("the cuda backend on a device", () => {
  it.skip("runs `npm run test:cuda` (sdft selftest --device cuda) where there is one: no test here needs a GPU", () => {});
});
