// An adapter written here gives the same logits in peft, and one written by peft gives the same logits here. Run by `npm run test:interop`,
// outside CI: it needs torch. CI checks names, shapes and configuration against test/fixtures/peft.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AdapterSettings, loraTargets } from "../../src/engine/adapter-settings.js";
import { type AdapterHandle, type Engine, openEngine } from "../../src/engine/engine.js";
import { readFloatTensors, readSafetensors } from "../../src/formats/safetensors.js";
import { openModelFiles } from "../../src/models/package.js";
import { fixturesFolder } from "../shared-folder.js";
import { interopPython, runPeft } from "./python.js";

// f32 on both sides, sums in another order.
const tolerance = 1e-4;

const sequences = [[5, 17, 80, 3, 41], Array.from({ length: 40 }, (_, i) => 3 + ((i * 29) % 90))];

const standard = { rank: 8, alpha: 16, dropout: 0, scaling: "standard" } as const;
const adapters: readonly (readonly [string, AdapterSettings])[] = [
  ["queries and values", { ...standard, targets: ["q_proj", "v_proj"] }],
  ["all seven layers", { ...standard, targets: loraTargets }],
  ["rank-stabilised scaling", { ...standard, rank: 5, scaling: "rank-stabilised", targets: ["k_proj", "down_proj"] }],
];

let folder = "";

// The environment may have to be made first: a large download, once.
beforeAll(() => void interopPython(), 1_800_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdft-interop-"));
  writeFileSync(join(folder, "sequences.json"), JSON.stringify(sequences));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each(["llama-old-config", "qwen2-untied", "sharded"])("%s", (name) => {
  const model = join(fixturesFolder, "tiny", name);

  it.each(adapters)("written here, read by peft: %s", async (_, settings) => {
    using engine = await open(model);
    const adapter = engine.createAdapter(settings);
    fillWithWaves(adapter);
    await engine.saveAdapter(adapter, join(folder, "adapter"));
    await expectSameLogits(engine, adapter, model);
  });

  it.each(adapters)("written by peft, read here: %s", async (_, settings) => {
    using engine = await open(model);
    runPeft(["write", model, join(folder, "adapter"), ...peftFlags(settings)]);
    const { adapter } = await engine.loadAdapter(join(folder, "adapter"));
    expect(adapter.settings).toEqual({ ...settings, targets: loraTargets.filter((t) => settings.targets.includes(t)) });
    await expectSameLogits(engine, adapter, model);
  });
});

/** On the cpu backend, or with SDFT_TEST_BACKEND=reference on that one. */
async function open(model: string): Promise<Engine> {
  const device = process.env.SDFT_TEST_BACKEND === "reference" ? "reference" : "cpu";
  return openEngine(await openModelFiles(model), { device });
}

/** Compares the engine's logits with peft's under `folder/adapter`, and checks that the adapter does something at all. */
async function expectSameLogits(engine: Engine, adapter: AdapterHandle, model: string): Promise<void> {
  const answers = join(folder, "logits.safetensors");
  runPeft(["logits", model, join(folder, "adapter"), join(folder, "sequences.json"), answers]);
  const theirs = await readFloatTensors(await readSafetensors(answers));
  for (const [i, tokens] of sequences.entries()) {
    const expected = theirs.get(`seq.${i}.logits`)?.values ?? new Float32Array();
    expect(largestDifference(await engine.logits(tokens, adapter), expected)).toBeLessThan(tolerance);
    expect(largestDifference(await engine.logits(tokens), expected)).toBeGreaterThan(100 * tolerance);
  }
}

function peftFlags({ rank, alpha, targets, scaling }: AdapterSettings): string[] {
  const flags = ["--rank", String(rank), "--alpha", String(alpha), "--targets", targets.join(",")];
  return scaling === "rank-stabilised" ? [...flags, "--rslora"] : flags;
}

/** Every matrix different and none zero: B too, which starts at zero and would hide the rest. */
function fillWithWaves(adapter: AdapterHandle): void {
  for (const [i, { name, rows, columns }] of adapter.native.tensors().entries()) {
    adapter.native.set(
      name,
      Float32Array.from({ length: rows * columns }, (_, k) => 0.1 * Math.sin(1 + i + 1.7 * k)),
    );
  }
}

function largestDifference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  expect(ours.length).toBe(theirs.length);
  return Array.from(ours).reduce((most, value, k) => Math.max(most, Math.abs(value - (theirs[k] ?? Number.NaN))), 0);
}
