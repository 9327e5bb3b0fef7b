// `sdft train` on the real model against transformers and peft: the first updates of the reference curve, by files and options alone.
// (The whole curve and the final adapter are compared in test/parity.)
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toPeftConfig } from "../../src/engine/adapter-settings.js";
import { readFloatTensors, readSafetensors } from "../../src/formats/safetensors.js";
import { writeSafetensors } from "../../src/formats/safetensors-writer.js";
import { sdft } from "../cli/run.js";
import { defaultModel } from "../models/real-models.js";
import { sharedPath } from "../shared-folder.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const model = defaultModel();
const curvePath = sharedPath("reference", "train_curve.json");
const tensorsPath = sharedPath("reference", "train_curve.safetensors");
const updates = 3;

interface Curve {
  readonly steps: { readonly lr: number; readonly loss: number; readonly grad_norm: number }[];
  readonly batches: { readonly ids: number[]; readonly labels: number[] }[][];
}

/** The curve's first adapter in peft's layout. */
async function writeInitialAdapter(path: string): Promise<void> {
  const tensors = await readFloatTensors(await readSafetensors(tensorsPath ?? ""));
  const initial = [...tensors].flatMap(([name, tensor]) => {
    if (!name.startsWith("init.")) return [];
    const peft = name.slice("init.".length).replace(/\.default\./, ".");
    return [{ name: peft, ...tensor }];
  });
  const settings = { rank: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;
  mkdirSync(path, { recursive: true });
  await writeSafetensors(join(path, "adapter_model.safetensors"), initial);
  writeFileSync(
    join(path, "adapter_config.json"),
    JSON.stringify(toPeftConfig(settings, "SmolLM2-135M-Instruct.Q4_1")),
  );
}

const logRows = (out: string): { loss: number; grad_norm: number; learning_rate: number }[] => {
  const path = join(out, "log.jsonl");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line));
};

describe.skipIf(model === null || curvePath === null || tensorsPath === null)("sdft train", () => {
  it("follows the reference curve, accumulating 2 × 2", { timeout: 600_000 }, async () => {
    const curve = JSON.parse(readFileSync(curvePath ?? "", "utf8")) as Curve;
    const data = join(folder, "curve.jsonl");
    writeFileSync(
      data,
      curve.batches
        .flat()
        .map(({ ids, labels }) => `${JSON.stringify({ input_ids: ids, labels })}\n`)
        .join(""),
    );
    const initial = join(folder, "initial");
    await writeInitialAdapter(initial);
    const out = join(folder, "out");
    const options = [
      "--per-device-train-batch-size",
      "2",
      "--gradient-accumulation-steps",
      "2",
      "--max-steps",
      "20",
      "--no-shuffle",
      "--learning-rate",
      "1e-4",
    ];
    const running = sdft(
      "train",
      "--model",
      model ?? "",
      "--data",
      data,
      "--init-adapter",
      initial,
      "--out",
      out,
      ...options,
    );
    let over = false;
    running.finally(() => {
      over = true;
    });
    const enough = (async () => {
      while (!over && logRows(out).length < updates) await new Promise(setImmediate);
      if (!over) process.emit("SIGINT");
    })();
    const [result] = await Promise.all([running, enough]);
    expect(result.stderr).not.toMatch(/Error/);
    expect(logRows(out).length).toBeGreaterThanOrEqual(updates);
    for (const [step, row] of logRows(out).slice(0, updates).entries()) {
      const expected = curve.steps[step];
      expect(expected).toBeDefined();
      if (expected === undefined) continue;
      expect(row.learning_rate).toBeCloseTo(expected.lr, 12);
      expect(Math.abs(row.loss / expected.loss - 1)).toBeLessThan(1e-4);
      expect(Math.abs(row.grad_norm / expected.grad_norm - 1)).toBeLessThan(1e-3);
    }
  });
});
