// What --dry-run says of a study: stages, rows and tokens as they then happen, and where the estimate of time comes from.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentReporter } from "../../src/base/reporter.js";
import { dryRunStudy } from "../../src/experiment/dry-run.js";
import { runStudy } from "../../src/experiment/study-run.js";
import { parseStudy } from "../../src/experiment/study-schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const cache = process.env.SDFT_CACHE;
beforeAll(() => {
  process.env.SDFT_CACHE = join(folder, "cache");
});
afterAll(() => {
  if (cache === undefined) delete process.env.SDFT_CACHE;
  else process.env.SDFT_CACHE = cache;
});

const study = (change: Readonly<Record<string, unknown>> = {}) =>
  parseStudy(
    {
      name: "planned",
      model: tinyChat,
      threads: 1,
      task: "demo_calls",
      distill: { max_new_tokens: 6, rules: ["banned-phrase"] },
      train: { num_train_epochs: 2 },
      evaluate: [{ task: "demo_refusals", max_samples: 3, max_new_tokens: 6 }],
      matrix: { variant: ["seed", "vanilla", "sdft"], samples: [4, 8] },
      ...change,
    },
    "a test",
  );
const dry = (change: Readonly<Record<string, unknown>> = {}) =>
  dryRunStudy(study(change), join(folder, "study"), silentReporter);

describe("a dry run", () => {
  it("plans every cell, measures a speed where none is known, and leaves nothing behind", async () => {
    const plan = await dry();
    expect(plan.cells.map(({ cell }) => cell)).toEqual([
      "seed model (seed 0)",
      "demo_calls vanilla (4 examples, rank 8, seed 0)",
      "demo_calls sdft (using, 4 examples, rank 8, seed 0)",
      "demo_calls vanilla (8 examples, rank 8, seed 0)",
      "demo_calls sdft (using, 8 examples, rank 8, seed 0)",
    ]);
    const stages = plan.cells.flatMap((cell) => cell.stages);
    expect(stages.every(({ state }) => state === "open")).toBe(true);
    // The four rewrites of the smaller sample are not planned again.
    expect(stages.filter(({ name }) => name === "distil").map(({ rows }) => rows)).toEqual([4, 4]);
    expect(plan.speeds.generate?.source).toBe("a short calibration");
    expect(plan.seconds).toBeGreaterThan(0);
    expect(existsSync(join(folder, "study"))).toBe(false);
  });

  it("counts the tokens that are then trained on, and finds the finished stages done", async () => {
    const planned = (await dry()).cells.find(({ run }) => run.includes("vanilla-8"));
    await runStudy({ study: study(), folder: join(folder, "study"), reporter: silentReporter });
    const log = readFileSync(join(folder, "study", "runs", planned?.run ?? "", "vanilla", "log.jsonl"), "utf8");
    const trained = log
      .trim()
      .split("\n")
      .reduce((sum, line) => sum + Number(JSON.parse(line).tokens), 0);
    expect(planned?.stages.find(({ work }) => work === "train")?.tokens).toBe(trained);

    const after = await dry();
    expect(
      after.cells.flatMap(({ stages }) => stages.map(({ state }) => state)).every((state) => state === "done"),
    ).toBe(true);
    expect(after.seconds).toBe(0);
  });

  it("takes the speed of finished stages, else the machine's last study", async () => {
    const more = await dry({ seed: 1 });
    expect(more.speeds.train?.source).toMatch(/finished stages in .*runs/);
    const elsewhere = await dryRunStudy(study(), join(folder, "elsewhere"), silentReporter);
    expect(elsewhere.speeds.train?.source).toMatch(/^this machine's run of 20/);
    // What a whole study does in a second says nothing of a smoke run, nor the other way round.
    const smoke = await dryRunStudy(study({ label: "smoke" }), join(folder, "elsewhere"), silentReporter);
    expect(smoke.speeds.train?.source).toBe("a short calibration");
  });

  it("names the model that has to be fetched, and fetches nothing", async () => {
    const plan = await dry({ model: "smollm2-135m-instruct" });
    expect(plan.fetches).toEqual([expect.stringMatching(/smollm2-135m-instruct, 98 MB/)]);
    expect(plan.cells).toEqual([]);
  });

  it("names a data set that only the hub has", async () => {
    process.env.HF_HUB_CACHE = join(folder, "no-hub");
    try {
      const plan = await dry({ matrix: { variant: ["vanilla"], task: ["dolly"] } });
      expect(plan.fetches).toEqual(["the data set databricks/databricks-dolly-15k from the hub"]);
      expect(plan.missing).toHaveLength(1);
    } finally {
      delete process.env.HF_HUB_CACHE;
    }
  });
});
