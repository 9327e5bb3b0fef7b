// The cuda backend without a GPU: build/cuda_tests runs its kernels and a tiny model on the emulator, one `it` for each case; some again under sanitizers.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..", "..");
const programOf = (name: string): string => resolve(root, process.env.SDFT_CUDA_TESTS ?? "build", name);

function run(
  path: string,
  args: readonly string[],
  prefix: readonly string[] = [],
): { status: number | null; output: string } {
  const [command = path, ...given] = [...prefix, path, ...args];
  const result = spawnSync(command, given, { encoding: "utf8", maxBuffer: 1 << 26, timeout: 600_000 });
  return {
    status: result.status,
    output: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`,
  };
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
  "cuda.rms_norm, 3 x 260 with gaps",
  "cuda.adamw",
  "cuda optimizer.has the bits of one tensor at a time",
  "cuda.linear, f32, (9, 33) x 31",
  "cuda.linear, bf16, (9, 33) x 31",
  "cuda.lora, rank 3",
  "cuda.attention, heads of 20",
  "cuda.attention, 65 rows",
  "cuda.cached_attention, window 20",
  "cuda.linear_cross_entropy, bf16, 3 rows",
  "cuda draw.small block",
  "cuda draw.says what is wrong with logits",
  "cuda replay.a step's uploads are its own each time",
  "emulator.reports each planted fault",
];

describe.each(["thread", "address"])("the cuda backend under the %s sanitizer", (sanitizer) => {
  const program = programOf(`cuda_tests_${sanitizer}`);
  // The addresses that ThreadSanitizer needs must not be taken by chance; a container may forbid to say so.
  const prefix = [["setarch", "-R"], []].find((words) => run(program, ["--list"], words).status === 0);
  if (!existsSync(program)) {
    const why =
      sanitizer === "thread"
        ? "the compiler has no ThreadSanitizer, or run `node scripts/setup.mjs --tests` first"
        : "run `SDFT_CUDA_SANITIZERS=ON node scripts/setup.mjs --tests`";
    it.skip(`cuda_tests_${sanitizer} is not built: ${why}`, () => {});
    return;
  }
  if (prefix === undefined) {
    const { status, output } = run(program, ["--list"]);
    // Only what the sanitizer itself says of the machine is a reason to skip.
    const refused = /FATAL: (Thread|Address)Sanitizer.*/.exec(output)?.[0];
    if (refused !== undefined) it.skip(`cuda_tests_${sanitizer} does not run here: ${refused}`, () => {});
    else it("lists its cases", () => expect(status, output).toBe(0));
    return;
  }
  for (const name of sanitized) {
    it(name, () => {
      const { status, output } = run(program, [name], prefix);
      expect(output).not.toMatch(/WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer|runtime error/);
      expect(status, output).toBe(0);
    });
  }
});

describe("the cuda backend on a device", () => {
  it.skip("runs `npm run test:cuda` (sdft selftest --device cuda) where there is one: no test here needs a GPU", () => {});
});
