// Where memory is short, training keeps fewer activations instead of being refused: the adapter is the same to the bit. On the processor, and through the
// emulated library on a card.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { prepareSession, startSession } from "../../src/experiment/session.js";
import {
  decisiveTraining,
  parseTrainingConfig,
  type ResolvedTraining,
  writtenTraining,
} from "../../src/train/config.js";
import { initializeAdapter } from "../../src/train/lora-init.js";
import { train } from "../../src/train/train.js";
import { fitActivations, fitTraining, planTrainingMemory } from "../../src/train/training-memory.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const build = resolve(import.meta.dirname, "..", "..", process.env.SDFT_CUDA_TESTS ?? "build");
const emulated = join(build, "libsdft_cuda_emulated.so");
process.env.SDFT_CUDA_LIB = emulated;

const folder = temporaryFolder();
const settings = { rank: 4, alpha: 8, dropout: 0, targets: ["q_proj", "v_proj"], scaling: "standard" } as const;
const sequences = [90, 70, 40, 25].map((length, row) => {
  const tokens = Int32Array.from({ length }, (_, i) => 3 + ((row * 7 + i) % 90));
  return { id: `row ${row}`, tokens, labels: tokens };
});
const need = { sequences, settings, seed: 0 };
const wish = parseTrainingConfig({ max_steps: 2, shuffle: false, per_device_train_batch_size: 4 }, "a test");

describe.each(["cpu", "cuda"] as const)("training on %s with little memory", (device) => {
  const prepare = () =>
    prepareSession({
      model: tinyChat,
      device,
      weights: "native",
      compute: "f32",
      threads: 1,
      reporter: silentReporter,
    });

  it.skipIf(device === "cuda" && !existsSync(emulated))(
    "keeps what fits, says so, and makes the same adapter",
    async () => {
      const prepared = await prepare();
      const { planned } = prepared;
      const peakOf = (config: ResolvedTraining): number => planTrainingMemory(config, planned, need).peak;
      const limitTo = (bytes: number) => ({ bytes, source: "device" as const, held: 0 });
      const whole = fitTraining(wish, planned, need, limitTo(1e12));
      expect(whole).not.toHaveProperty("stored_rows");
      const least = peakOf({ ...whole, stored_rows: 0 });
      expect(least).toBeLessThan(peakOf(whole));

      const adapterOf = async (bytes: number) => {
        const limit = limitTo(bytes);
        const config = fitTraining(wish, planned, need, limit);
        expect(decisiveTraining(config)).toEqual(decisiveTraining(whole));
        expect(writtenTraining(config)).toEqual(whole);
        const notes: string[] = [];
        const reporter = { ...silentReporter, note: (sentence: string) => void notes.push(sentence) };
        using session = await startSession({ ...prepared, limit, reporter }, [
          planTrainingMemory(config, planned, need),
        ]);
        const adapter = session.engine.createAdapter(settings);
        initializeAdapter(adapter.native, 0);
        const to = join(folder, `${device}-${bytes}`);
        await train(session.engine, {
          adapter,
          sequences,
          config,
          seed: 0,
          folder: to,
          fingerprint: "test",
          resume: null,
        });
        return { config, notes, file: readFileSync(join(to, "adapter", "adapter_model.safetensors")) };
      };
      const all = await adapterOf(peakOf(whole));
      const few = await adapterOf(least);
      expect(all.notes).toEqual([]);
      expect(few.config.stored_rows).toBeLessThan(sequences.length * 60);
      expect(few.notes).toEqual([
        expect.stringMatching(
          /^Training keeps the activations of 1 of 2 layers and runs the others again .* to fit in /,
        ),
      ]);
      expect(few.file.equals(all.file)).toBe(true);
    },
  );

  it.skipIf(device === "cuda" && !existsSync(emulated))(
    "keeps as many rows as fit, and refuses where none do",
    async () => {
      const prepared = await prepare();
      const { planned } = prepared;
      const whole = fitTraining(wish, planned, need, { bytes: 1e12, source: "machine" });
      const peakAt = (stored: number) => planTrainingMemory({ ...whole, stored_rows: stored }, planned, need).peak;
      const bytes = peakAt(128);
      const fitted = fitActivations(whole, planned, need, { bytes, source: "machine" });
      expect(planTrainingMemory(fitted, planned, need).peak).toBeLessThanOrEqual(bytes);
      expect(peakAt((fitted.stored_rows ?? 0) + 32)).toBeGreaterThan(bytes);
      const limit = { bytes: peakAt(0) - 1, source: "machine" } as const;
      const hopeless = fitActivations(whole, planned, need, limit);
      expect(hopeless.stored_rows).toBe(0);
      await expect(startSession({ ...prepared, limit }, [planTrainingMemory(hopeless, planned, need)])).rejects.toThrow(
        /^Expected training to fit in .*this machine's memory/,
      );
    },
  );
});
