// What cannot fit is refused before any work: nothing is written, nothing that was done is lost.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { defaultModel } from "../models/real-models.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const real = defaultModel();
const model = ["--model", tinyChat];
const data = ["--data", "demo_calls", "--max-samples", "8"];

describe("a memory budget", () => {
  it("too small for one sequence refuses to train", async () => {
    const out = join(folder, "small");
    const { status, stderr } = await sdft("train", ...model, ...data, "--memory-budget", "1MB", "--out", out);
    expect(status).toBe(2);
    expect(stderr).toMatch(/A memory budget of 1.0 MiB is too small for one sequence: training on example \S+ alone/);
    expect(existsSync(out)).toBe(false);
  });

  it("aside, the size of micro-batches stands in the resolved configuration", async () => {
    const train = async (name: string, ...more: string[]): Promise<Record<string, unknown>> => {
      const out = join(folder, name);
      const result = await sdft("train", ...model, ...data, "--max-steps", "1", "--out", out, ...more);
      expect(result.stderr).not.toMatch(/Error/);
      return parse(readFileSync(join(out, "run.yaml"), "utf8")).train;
    };
    const free = await train("free");
    expect(free).toMatchObject({ activations: "store" });
    expect(free.micro_batch_tokens).toBe(4096);
    expect(await train("given", "--micro-batch-tokens", "77")).toMatchObject({ micro_batch_tokens: 77 });
  });

  it.each([
    ["generate", ["--prompt", "one", "--out", join(folder, "refused", "answers.jsonl")]],
    ["chat", []],
    ["distill", [...data, "--task", "demo_calls", "--out", join(folder, "refused", "rewrites")]],
    ["eval", ["--tasks", "demo_calls", "--out", join(folder, "refused", "scores")]],
  ])("refuses to %s, with the largest parts and what to lower", async (command, more) => {
    const { status, stderr } = await sdft(command, ...model, ...more, "--memory-budget", "2MB");
    expect(stderr).toMatch(/Expected generating to fit in 1.9 MiB, the memory budget, but it needs .* tokenizer/);
    expect(stderr).toMatch(/max-new-tokens/);
    expect(status).toBe(2);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });

  it("refuses to score", async () => {
    const { status, stderr } = await sdft("score", ...model, "--prompt", "one two", "--memory-budget", "2MB");
    expect(stderr).toMatch(/Expected scoring to fit in 1.9 MiB, the memory budget, but it needs /);
    expect(status).toBe(2);
  });

  it("refuses a whole experiment before its folder is touched", async () => {
    const out = join(folder, "experiment");
    const { status, stderr } = await sdft(
      "demo",
      ...model,
      "--max-samples",
      "4",
      "--memory-budget",
      "2MB",
      "--out",
      out,
    );
    expect(stderr).toMatch(/memory budget/);
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it("keeps what a refused resumption finds", async () => {
    const out = join(folder, "free");
    const before = readdirSync(out);
    const { status } = await sdft("train", ...model, ...data, "--memory-budget", "1MB", "--out", out);
    expect(status).toBe(2);
    expect(readdirSync(out)).toEqual(before);
  });

  it("must be a size", async () => {
    const { status, stderr } = await sdft("generate", ...model, "--prompt", "one", "--memory-budget", "much");
    expect(stderr).toMatch(/Expected a size such as 800MB or 1.5GiB for --memory-budget but received much/);
    expect(status).toBe(2);
  });
});

describe("more threads than processors", () => {
  it("are refused", async () => {
    const threads = String(availableParallelism() + 1);
    const { status, stderr } = await sdft("generate", ...model, "--prompt", "one", "--threads", threads);
    expect(stderr).toContain(`Expected at most ${availableParallelism()} threads`);
    expect(status).toBe(2);
  });
});

describe("doctor --batch", () => {
  const plan = ["doctor", ...model, "--batch", "4"];

  it("prints the plan of training and of generating", async () => {
    const { status, stdout, stderr } = await sdft(...plan, "--length", "64");
    expect(status).toBe(0);
    const lines = `${stdout}${stderr}`;
    for (const line of ["Training:", "activations", "Generating:", "keys and values", "at the peak", "May be used:"])
      expect(lines).toContain(line);
  });

  it("is a document with --json, and grows with the batch", async () => {
    const peakOf = async (...more: string[]): Promise<number> => {
      const { plans } = JSON.parse((await sdft(...plan, "--json", ...more)).stdout);
      const activations = plans.training.parts.find((part: { name: string }) => part.name === "activations");
      return activations.bytes;
    };
    expect(await peakOf("--length", "64")).toBeLessThan(await peakOf("--length", "128"));
    expect(await peakOf("--activations", "recompute")).toBeLessThan(await peakOf());
  });

  it("plans for a batch of eight where only a model is named", async () => {
    const { stdout } = await sdft("doctor", ...model, "--length", "64", "--json");
    const parts = (text: string) => JSON.parse(text).plans.training.parts.slice(1); // without the process, which grows
    expect(parts(stdout)).toEqual(
      parts((await sdft("doctor", ...model, "--batch", "8", "--length", "64", "--json")).stdout),
    );
  });

  it("says what does not fit into a budget at all, and keeps silent where all fits", async () => {
    const verdicts = async (budget: string): Promise<string> =>
      (await sdft(...plan, "--length", "64", "--memory-budget", budget)).stderr.replaceAll("\n", " ");
    expect(await verdicts("1TB")).not.toMatch(/fit/);
    const none = await verdicts("1MB");
    expect(none).toMatch(/Training does not fit: even .* Generating does not fit: even with one sequence at once/);
    expect(none).not.toMatch(/cutoff-len/);
  });

  it.skipIf(real === null)("says how many sequences at once fit into a budget", async () => {
    const many = ["doctor", "--model", real ?? "", "--batch", "64", "--length", "128"];
    const { plans } = JSON.parse((await sdft(...many, "--json")).stdout);
    const bytes = (name: string): number =>
      plans.generating.parts.find((part: { name: string }) => part.name === name).bytes;
    const half = Math.round(plans.generating.peak - bytes("keys and values") / 2);
    const { stderr, stdout } = await sdft(...many, "--memory-budget", `${half}B`);
    expect(`${stdout}${stderr}`).toMatch(
      /Generating would fit: with \d\d sequences at once it takes .* \(the same answers\)\./,
    );
  });

  it("refuses what is no batch and what is over the context", async () => {
    expect((await sdft("doctor", ...model, "--batch", "0")).status).toBe(2);
    expect((await sdft("doctor", ...model, "--batch", "2", "--length", "999999")).stderr).toMatch(/context/);
  });
});
