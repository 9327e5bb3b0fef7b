import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contentHash } from "../../src/base/content-hash.js";
import { type Reporter, silentReporter } from "../../src/base/reporter.js";
import type { TextExample } from "../../src/data/example.js";
import { type DistillJob, distill, distillHash } from "../../src/distill/distill.js";
import { readDistilled } from "../../src/distill/distilled-file.js";
import { answerRow } from "../../src/distill/gather-logprobs.js";
import type { Verdict } from "../../src/distill/verdict.js";
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
  const { distill: renderer, train: ordinary } = await stageRenderers(session.prompts, wish);
  const sampling = { ...greedySampling, maxNewTokens: 4 };
  return {
    examples,
    renderer,
    ordinary,
    sampling,
    attempts: 3,
    task: null,
    rules: [],
    name: "d",
    folder: join(folder, name),
    ...change,
  };
}

const attempts = (name: string): { id: string; sample: number; text: string }[] => rowsOf(name, "rewrites.jsonl");

const rowsOf = <Row>(name: string, file: string): Row[] =>
  readFileSync(join(folder, name, file), "utf8")
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

  it("goes on past a reference that can't be read, and says so", async () => {
    using session = await openTinyChat();
    const warnings: string[] = [];
    const calls = examples.slice(0, 3).map((one, i) => (i === 1 ? one : { ...one, response: `f(x=${i})` }));
    const task = getTask("demo_calls");
    const reporter: Reporter = { ...silentReporter, warn: (sentence) => warnings.push(sentence) };
    const change = { task, rules: ["wrong-answer"] as const, examples: calls, attempts: 1, reporter };
    const { rows } = await distill(session.engine, await job(session, "one-bad", change));
    expect(rows.map(({ source }) => source)).toEqual(["original", "original", "original"]);
    expect(warnings).toEqual([
      expect.stringMatching(/^Row row-1 keeps its original answer.*row row-1 to be a function call/),
    ]);
  });

  it("finds references of another task before anything is generated", async () => {
    using session = await openTinyChat();
    const bad = await job(session, "bad", { task: getTask("demo_calls"), rules: ["wrong-answer"] });
    await expect(distill(session.engine, bad)).rejects.toThrow(/row row-0 to be a function call/);
    await expect(distill(session.engine, { ...bad, examples: [] })).rejects.toThrow(/at least one example/);
    expect(existsSync(join(folder, "bad"))).toBe(false);
  });
});

describe("the hash of a distilling stage", () => {
  it("is for rules that there always were what it always was, so that runs go on", async () => {
    using session = await openTinyChat();
    const one = await job(session, "hash", { rules: ["not-ended", "empty", "wrong-answer", "banned-phrase"] });
    const { renderer } = one;
    const before = {
      stage: "distill",
      engine: session.engine.fingerprint,
      adapter: null,
      task: null,
      rules: ["empty", "not-ended", "banned-phrase", "wrong-answer"],
      sampling: one.sampling,
      attempts: 3,
      stopTokens: renderer.stopTokens,
      rows: examples.map((example) => [example.id, renderer.promptTokens(example), example.response]),
    };
    expect(distillHash(session.engine, one)).toBe(contentHash(before));
    const others = [{ choose: "best" }, { rules: ["empty", "copy"] }, { rules: ["seed-logprob"] }] as const;
    const hashes = others.map((change) => distillHash(session.engine, { ...one, ...change }));
    expect(new Set([...hashes, contentHash(before)]).size).toBe(4);
  });
});

describe("the best of k samples", () => {
  const best = { choose: "best", attempts: 4 } as const;

  it("makes all, and takes the accepted one that is likeliest under the ordinary prompt", async () => {
    using session = await openTinyChat();
    const { report } = await distill(session.engine, await job(session, "best", best));
    expect(attempts("best")).toHaveLength(24);
    expect(report).toMatchObject({ rows: 6, kept: 6, keptWithin: [6, 6, 6, 6], samples: { total: 24, judged: 24 } });
    const verdicts = rowsOf<Verdict>("best", "verdicts.jsonl");
    const { ordinary } = await job(session, "x");
    if (ordinary === undefined) throw new Error("no renderer");
    for (const example of examples) {
      const own = verdicts.filter(({ id }) => id === example.id);
      const rows = attempts("best").filter(({ id }) => id === example.id);
      const scores = await session.engine.score(rows.map(({ text }) => answerRow(ordinary, { example, text })));
      const means = scores.map((values) => [...values].reduce((sum, value) => sum + value, 0) / values.length);
      expect(own.map(({ logprob }) => logprob)).toEqual(means);
      // On a tie the earlier sample.
      expect(own.findIndex(({ chosen }) => chosen)).toBe(means.indexOf(Math.max(...means)));
    }
    expect(report.chosen.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(JSON.parse(readFileSync(join(folder, "best", "yield.json"), "utf8"))).toEqual(report);
  });

  it("makes the same samples as attempts do, and gives the yield of each number of them", async () => {
    using session = await openTinyChat();
    const endings = (one: DistillJob): DistillJob => ({
      ...one,
      renderer: { ...one.renderer, stopTokens: Array.from({ length: 60 }, (_, index) => 30 + index) },
    });
    const rules = ["not-ended"] as const;
    const all = await distill(session.engine, endings(await job(session, "best-ends", { ...best, rules })));
    for (const number of [1, 2, 3, 4]) {
      const name = `first-${number}`;
      const first = await distill(session.engine, endings(await job(session, name, { attempts: number, rules })));
      expect(all.report.keptWithin[number - 1], name).toBe(first.report.kept);
      for (const row of attempts(name)) expect(attempts("best-ends")).toContainEqual(row);
    }
    expect(new Set(all.report.keptWithin).size).toBeGreaterThan(1);
    const rejected = rowsOf<Verdict>("best-ends", "verdicts.jsonl").filter(({ rule }) => rule !== null);
    expect(rejected.length).toBeGreaterThan(0);
    for (const one of rejected) expect(one).toMatchObject({ rule: "not-ended", logprob: null, chosen: false });
  });

  it("goes on where it was interrupted, while generating or while scoring", async () => {
    using session = await openTinyChat();
    const rules = ["seed-logprob"] as const;
    await distill(session.engine, await job(session, "whole", { ...best, rules }));
    for (const stage of ["distil, samples 2 to 4", "score rewrites"]) {
      const name = `stopped ${stage}`;
      const controller = new AbortController();
      const seen: string[] = [];
      const scored: number[] = [];
      const reporter: Reporter = {
        ...silentReporter,
        progress: (progress) => {
          seen.push(progress.stage);
          if (progress.stage === "score rewrites") scored.push(progress.total);
          if (progress.stage === stage) controller.abort();
        },
      };
      const many = { ...best, rules, reporter, signal: controller.signal };
      await expect(distill(session.engine, await job(session, name, many))).rejects.toThrow(
        /same command again to go on/,
      );
      expect(existsSync(join(folder, name, "distilled.jsonl"))).toBe(false);
      seen.length = 0;
      scored.length = 0;
      await distill(session.engine, await job(session, name, { ...best, rules, reporter }));
      expect(seen).not.toContain("distil");
      // The first samples and the original answers were scored before.
      expect(scored).toEqual([18]);
      for (const file of ["distilled.jsonl", "rewrites.jsonl", "verdicts.jsonl", "yield.json"])
        expect(readFileSync(join(folder, name, file), "utf8"), file).toBe(
          readFileSync(join(folder, "whole", file), "utf8"),
        );
      expect(readdirSync(join(folder, name)).filter((file) => file.includes("partial"))).toEqual([]);
    }
  });
});

describe("a rule that needs the engine", () => {
  it("decides which rows are tried again, and names the number", async () => {
    using session = await openTinyChat();
    const first = await distill(session.engine, await job(session, "likely", { rules: ["seed-logprob"] }));
    const verdicts = rowsOf<Verdict>("likely", "verdicts.jsonl");
    expect(first.report.samples.total).toBe(verdicts.length);
    for (const { rule, value, logprob, detail } of verdicts) {
      expect(logprob).toBeLessThan(0);
      if (rule !== null) expect([value, detail]).toEqual([logprob, expect.stringMatching(/mean log-probability -\d/)]);
    }
    // No rewrite is that likely: all attempts are made.
    const none = await job(session, "unlikely", { rules: [{ "seed-logprob": { min: 0 } }], attempts: 2 });
    expect((await distill(session.engine, none)).report).toMatchObject({
      kept: 0,
      keptWithin: [0, 0],
      samples: { total: 12 },
    });
  });

  it("refuses answers over the context before anything is generated", async () => {
    using session = await openTinyChat();
    const long = { ...(examples[0] as TextExample), response: "word ".repeat(session.engine.spec.maxPositions) };
    const one = await job(session, "long", { rules: ["seed-logprob"], examples: [long] });
    await expect(distill(session.engine, one)).rejects.toThrow(
      /Row row-0 with its answer is longer than the model's context/,
    );
    expect(existsSync(join(folder, "long"))).toBe(false);
  });
});
