import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Session } from "../../src/experiment/session.js";
import { latestCheckpoint } from "../../src/train/checkpoint.js";
import { parseTrainingConfig } from "../../src/train/config.js";
import { initializeAdapter } from "../../src/train/lora-init.js";
import { type TrainingJob, train } from "../../src/train/train.js";
import { temporaryFolder } from "../temporary-folder.js";
import { openTinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const settings = { rank: 2, alpha: 4, dropout: 0.1, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;
const sequences = Array.from({ length: 10 }, (_, row) => {
  const tokens = Int32Array.from({ length: 8 + row }, (_, index) => 3 + ((row * 7 + index * 3) % 200));
  return { id: `row-${row}`, tokens, labels: tokens.map((token, index) => (index < 4 ? -100 : token)) };
});
const config = parseTrainingConfig({ learning_rate: 0.05, num_train_epochs: 3, save_steps: 2 }, "a test");

async function run(session: Session, name: string, change: Partial<TrainingJob> = {}) {
  const adapter = session.engine.createAdapter(settings);
  initializeAdapter(adapter.native, 7);
  const job = {
    adapter,
    sequences,
    config,
    seed: 7,
    folder: join(folder, name),
    fingerprint: "test",
    resume: null,
    ...change,
  };
  return train(session.engine, job).finally(() => adapter.dispose());
}

const adapterBytes = (name: string): Buffer => readFileSync(join(folder, name, "adapter", "adapter_model.safetensors"));
const losses = (name: string): unknown[] =>
  readFileSync(join(folder, name, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const { step, loss, grad_norm, learning_rate } = JSON.parse(line);
      return { step, loss, grad_norm, learning_rate };
    });

describe("train", () => {
  it("lowers the loss, logs every update and leaves an adapter", async () => {
    using session = await openTinyChat();
    const outcome = await run(session, "whole");
    expect(outcome.steps).toBe(6);
    const rows = losses("whole") as { step: number; loss: number; learning_rate: number }[];
    expect(rows.map((row) => row.step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rows[0]?.learning_rate).toBe(0.05);
    expect(outcome.finalLoss).toBeLessThan(rows[0]?.loss ?? 0);
  });

  it("goes on from a checkpoint to the same bits after an interruption", async () => {
    using session = await openTinyChat();
    const controller = new AbortController();
    const stopped = run(session, "resumed", {
      signal: controller.signal,
      onStep: (row) => row.step === 3 && controller.abort(),
    });
    await expect(stopped).rejects.toThrow(/stopped after step 3 of 6/);
    const checkpoint = await latestCheckpoint(join(folder, "resumed"));
    expect(checkpoint?.step).toBe(3);
    await run(session, "resumed", { resume: checkpoint });
    expect(losses("resumed")).toEqual(losses("whole"));
    expect(adapterBytes("resumed").equals(adapterBytes("whole"))).toBe(true);
  });

  it("ends with an error where the numbers leave the range of floats, and saves none of it", async () => {
    using session = await openTinyChat();
    const wild = (max_steps: number) => ({ config: { ...config, learning_rate: 1e300, max_steps, save_steps: 0 } });
    // The last update's loss is still a number; what it made of the weights is not.
    await expect(run(session, "wild", wild(1))).rejects.toThrow(
      /holds NaN or infinity after update 1\. It was not saved/,
    );
    await expect(run(session, "wilder", wild(3))).rejects.toThrow(/finite gradient norm/);
    await expect(run(session, "kept", { config: { ...wild(3).config, save_steps: 1 } })).rejects.toThrow(
      /after update 1/,
    );
    for (const name of ["wild", "wilder", "kept"])
      expect(readdirSync(join(folder, name)).filter((file) => file !== "log.jsonl")).toEqual([]);
  });

  it("goes on from another device's checkpoint, but says so", async () => {
    using session = await openTinyChat();
    const [checkpoint, { device }] = [await latestCheckpoint(join(folder, "resumed")), session.engine];
    expect(checkpoint?.devices).toEqual([device]);
    const said: string[] = [];
    const goOn = (devices: readonly string[] | null) =>
      run(session, "resumed", {
        config: { ...config, save_steps: 1 },
        resume: checkpoint === null ? null : { ...checkpoint, devices },
        warn: (sentence) => void said.push(sentence),
      });
    await goOn(device === null ? [] : [device]);
    await goOn(null);
    expect(said).toEqual([]);
    await goOn(["another"]);
    expect(said).toEqual([
      `${checkpoint?.folder} was computed on another; the rest is computed on ${device}, and may end with the bits of neither.`,
    ]);
    expect((await latestCheckpoint(join(folder, "resumed")))?.devices).toEqual(["another", device]);
  });

  it("refuses a checkpoint of other data", async () => {
    using session = await openTinyChat();
    const checkpoint = await latestCheckpoint(join(folder, "whole"));
    await expect(run(session, "whole", { resume: checkpoint, fingerprint: "other" })).rejects.toThrow(
      /made with other data/,
    );
  });

  it("refuses an empty set and an example over the context", async () => {
    using session = await openTinyChat();
    await expect(run(session, "empty", { sequences: [] })).rejects.toThrow(/at least one training example/);
    const long = new Int32Array(1100).fill(5);
    await expect(run(session, "long", { sequences: [{ id: "x", tokens: long, labels: long }] })).rejects.toThrow(
      /at most 1024 tokens.*x \(1100 tokens\)/,
    );
  });
});
