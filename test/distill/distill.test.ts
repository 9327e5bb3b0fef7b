import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { type DistillJob, distill } from "../../src/distill/distill.js";
import { readDistilled } from "../../src/distill/distilled-file.js";
import { greedySampling } from "../../src/engine/sampling.js";
import type { Session } from "../../src/experiment/session.js";
import { stageRenderers } from "../../src/experiment/stage-settings.js";
import { getTask } from "../../src/tasks/registry.js";
import { getPreset } from "../../src/templates/presets.js";
import { temporaryFolder } from "../temporary-folder.js";
import { openTinyChat } from "../tiny-chat.js";

const folder = temporaryFolder();
const examples = Array.from(
  { length: 6 },
  (_, index): TextExample => ({
    kind: "text",
    id: `row-${index}`,
    instruction: `What is ${index} + 2?`,
    response: `The answer is ${index + 2}.`,
    history: [],
    system: null,
    row: {},
  }),
);

async function job(session: Session, name: string, change: Partial<DistillJob> = {}): Promise<DistillJob> {
  const wish = { task: null, preset: getPreset("default"), template: null, distillTemplate: null };
  const renderer = (await stageRenderers(session.prompts, wish)).distill;
  const sampling = { ...greedySampling, maxNewTokens: 4 };
  return {
    examples,
    renderer,
    sampling,
    attempts: 3,
    task: null,
    rules: [],
    name: "d",
    folder: join(folder, name),
    ...change,
  };
}

const attempts = (name: string): { id: string; sample: number; text: string }[] =>
  readFileSync(join(folder, name, "rewrites.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("distill", () => {
  it("tries each row once where everything passes", async () => {
    using session = await openTinyChat();
    const { report } = await distill(session.engine, await job(session, "all"));
    expect(report).toMatchObject({ rows: 6, kept: 6, samples: { total: 6 } });
    expect(await readDistilled(join(folder, "all", "distilled.jsonl"))).toHaveLength(6);
    expect(existsSync(join(folder, "all", "rewrites.partial.jsonl"))).toBe(false);
  });

  it("writes the same bytes with and without drafts", async () => {
    using session = await openTinyChat();
    const sampling = { ...greedySampling, temperature: 1.5, maxNewTokens: 30, seed: 4 };
    const files = ["distilled.jsonl", "rewrites.jsonl"];
    const written: string[][] = [];
    for (const drafts of ["off", "auto", "on"] as const) {
      await distill(session.engine, await job(session, `drafts-${drafts}`, { drafts, sampling }));
      written.push(files.map((file) => readFileSync(join(folder, `drafts-${drafts}`, file), "utf8")));
    }
    expect(written[1]).toEqual(written[0]);
    expect(written[2]).toEqual(written[0]);
  });

  it("tries rejected rows again, and no others; later attempts are sampled", async () => {
    using session = await openTinyChat();
    // Nothing ends by itself, so every attempt is rejected.
    const sampling = { ...greedySampling, maxNewTokens: 4, endTokens: "ignore" } as const;
    const { report } = await distill(session.engine, await job(session, "none", { rules: ["not-ended"], sampling }));
    expect(report).toMatchObject({ kept: 0, reasons: { "not-ended": 6 }, samples: { total: 18 } });
    const first = attempts("none").filter(({ id }) => id === "row-0");
    expect(first.map(({ sample }) => sample)).toEqual([0, 1, 2]);
    expect(new Set(first.map(({ text }) => text)).size).toBeGreaterThan(1);
  });

  it("gives the same rows as judging all samples at once", async () => {
    using session = await openTinyChat();
    // Many end tokens: some attempts end in time, some don't.
    const endings = (one: DistillJob): DistillJob => ({
      ...one,
      renderer: { ...one.renderer, stopTokens: Array.from({ length: 60 }, (_, index) => 30 + index) },
    });
    await distill(session.engine, endings(await job(session, "rounds", { rules: ["not-ended"] })));
    const rounds = attempts("rounds");
    const tries = examples.map(({ id }) => rounds.filter((row) => row.id === id).length);
    expect(Math.min(...tries)).toBe(1);
    expect(Math.max(...tries)).toBeGreaterThan(1);
    await distill(
      session.engine,
      endings(await job(session, "alone", { rules: ["not-ended"], examples: examples.slice(2, 3) })),
    );
    expect(attempts("alone")).toEqual(rounds.filter(({ id }) => id === "row-2"));
  });

  it("finds a malformed reference before anything is generated", async () => {
    using session = await openTinyChat();
    const bad = await job(session, "bad", { task: getTask("demo_calls"), rules: ["wrong-answer"] });
    await expect(distill(session.engine, bad)).rejects.toThrow(/row row-0 to be a function call/);
    await expect(distill(session.engine, { ...bad, examples: [] })).rejects.toThrow(/at least one example/);
    expect(existsSync(join(folder, "bad"))).toBe(false);
  });
});
