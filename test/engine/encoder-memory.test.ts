// What an encoder is said to take against what it takes, in a process of its own.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { planEmbedding } from "../../src/engine/encoder-memory.js";
import type { MemoryPlan } from "../../src/engine/memory-plan.js";
import { openEncoderFolder } from "../../src/models/encoder-package.js";
import { encoderModel } from "../models/real-models.js";
import { temporaryFolder } from "../temporary-folder.js";
import { writeTinyEncoder } from "../tiny-encoder.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const folder = temporaryFolder();
const real = encoderModel();

beforeAll(() => writeTinyEncoder(folder));

it("is the sum of its parts, and counts tables that are packed where the backend reads no file", async () => {
  const model = await openEncoderFolder(folder);
  const planned = { model, weightFormat: "native", threads: 2, rows: 100, texts: 4, processBytes: 1000 } as const;
  const plan = planEmbedding({ ...planned, backend: "cpu" });
  expect(plan.peak).toBe(plan.parts.reduce((sum, { bytes }) => sum + bytes, 0));
  expect(plan.parts[0]?.bytes).toBe(1000);
  const floats = model.weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const reference = planEmbedding({ ...planned, backend: "reference" });
  expect(reference.parts.find(({ name }) => name === "encoder weights")?.bytes).toBe(4 * floats);
  for (const more of [{ rows: 200 }, { texts: 50 }])
    expect(planEmbedding({ ...planned, backend: "cpu", ...more }).peak).toBeGreaterThan(plan.peak);
});

describe.skipIf(real === null)("the peak of a process", () => {
  beforeAll(async () => {
    const require = createRequire(import.meta.url);
    const compiler = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
    await run(process.execPath, [compiler, "-p", "tsconfig.build.json"], { cwd: root });
  }, 60_000);

  it("is what was planned for all-MiniLM-L6-v2, within a tenth", async () => {
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, "peak-encoder.mjs"), real ?? ""]);
    const { plan, measured } = JSON.parse(stdout) as { plan: MemoryPlan; measured: number };
    const shown = plan.parts.map(({ name, bytes }) => `${name} ${(bytes / 2 ** 20).toFixed(1)}`).join(", ");
    expect(Math.abs(plan.peak / measured - 1), `planned ${plan.peak}, measured ${measured}: ${shown}`).toBeLessThan(
      0.1,
    );
  }, 180_000);
});
