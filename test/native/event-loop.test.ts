// The event loop turns while the engine works: nothing long runs on its thread. How long a turn may take is measured by bench/event-loop.ts, not here.
import { expect, it } from "vitest";
import { batch, load, options, request } from "./tiny-engine.js";

/** Turns of the event loop until the work is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await work;
  done = true;
  return turns;
}

const tokens = Int32Array.from({ length: 240 }, (_, i) => 3 + (i % 90));

it("turns while a micro-batch is trained on", async () => {
  using model = await load();
  using adapter = model.createAdapter({ rank: 2, scale: 1, targets: ["q_proj"] });
  using trainer = model.createTrainer({ adapter, dropout: 0, seed: 0, storedRows: 4096 });
  const long = batch({ tokens, targets: tokens, starts: Int32Array.of(0, 120, 240) });
  expect(await turnsDuring(trainer.accumulate(long))).toBeGreaterThan(1);
});

it("turns while answers are generated and tokens scored", async () => {
  using model = await load();
  // Enough work that this thread gets its turn on a busy machine too.
  const requests = Array.from({ length: 24 }, (_, i) =>
    request({ id: `${i}`, tokens: tokens.subarray(i, i + 100), maxNewTokens: 40 }),
  );
  expect(await turnsDuring(model.generate(requests, options(), null))).toBeGreaterThan(1);
  const sequences = Array.from({ length: 24 }, (_, i) => ({ tokens: tokens.subarray(i), from: 1 }));
  const scored = model.score(sequences, { adapter: null, compute: "f32", rowsPerStep: 256 }, null);
  expect(await turnsDuring(scored)).toBeGreaterThan(1);
});
