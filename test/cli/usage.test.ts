import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { overview } from "../../src/cli/overview.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const tiny = ["--model", tinyChat];

describe("usage", () => {
  it("lists the commands, and only those that there are", async () => {
    const { status, stdout } = await sdft("--help");
    expect(status).toBe(0);
    for (const command of [
      "demo",
      "run",
      "reproduce",
      "distill",
      "select",
      "train",
      "eval",
      "generate",
      "score",
      "shift",
      "chat",
      "inspect",
      "report",
      "pull",
      "ls",
      "bench",
      "export",
      "doctor",
      "selftest",
    ]) {
      expect(stdout).toMatch(new RegExp(`sdft ${command}\\b`));
    }
    expect(stdout).not.toMatch(/sdft serve/);
  });

  it("says the same by every name of help, and keeps to the terminal's width", async () => {
    const { stdout } = await sdft("--help");
    expect((await sdft("-h")).stdout).toBe(stdout);
    expect((await sdft("help")).stdout).toBe(stdout);
    const narrow = overview(80).split("\n");
    expect(narrow.length).toBeGreaterThan(stdout.split("\n").length);
    expect(Math.max(...narrow.filter((line) => line.startsWith("  ")).map((line) => line.length))).toBeLessThanOrEqual(
      80,
    );
    expect((await sdft("train", "--help")).stdout).toMatch(/--learning-rate/);
  });

  it("names the word that is missing", async () => {
    for (const [command, shape] of [
      ["reproduce", "reproduce <name> [overrides..]"],
      ["report", "report <folder>"],
    ] as const) {
      const { status, stderr } = await sdft(command, "--json");
      expect(status).toBe(2);
      expect(stderr).toContain(`Expected "sdft ${shape}", but ${/<.*?>/.exec(shape)?.[0]} is missing.`);
    }
  });

  it("refuses a study whose data folder is not there, and writes nothing", async () => {
    const out = join(folder, "no-data-folder");
    const data = join(folder, "nowhere");
    const { status, stderr } = await sdft("reproduce", "table1", ...tiny, "--dataset-dir", data, "--out", out);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /Expected the data folder \(--dataset-dir, dataset_dir\) at .*nowhere, but there is no such/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("evaluates a task that is named twice once", async () => {
    const out = join(folder, "twice");
    const few = ["--max-samples", "2", "--max-new-tokens", "2", "--out", out, "--json"];
    const { stdout } = await sdft("eval", ...tiny, "--tasks", "demo_calls,demo_calls", ...few);
    expect(JSON.parse(stdout).scores).toHaveLength(1);
  });

  it.each([
    [[], /Name a command/],
    [["nonsense"], /^Error: Unknown command nonsense\. See/],
    [["train", "words"], /^Error: Unexpected word words\. See/],
    [
      ["train", "--data", "demo_calls", "--out", "a", "--lora-target", "foo_proj"],
      /lora_target: .* but received "foo_proj"/,
    ],
    [["trian"], /Did you mean train\?/],
    [["score", "--lora-target", "q_proj"], /Unknown option --lora-target \(an option of other commands\)/],
    [["train", "--lerning-rate", "1"], /Unknown option --lerning-rate \(did you mean --learning-rate\?\)/],
    [["train", "--max-steps", "many"], /Expected a number after --max-steps/],
    [["train", "--learning-rate", "", "--out", "a"], /^Error: Expected a value after --learning-rate\. See/],
    [["train", "--max-steps=", "--out", "a"], /^Error: Expected a value after --max-steps\. See/],
    [["train", "--max-samples", "--out", "a"], /^Error: Expected a value after --max-samples\. See/],
    [["doctor", "--batch"], /^Error: Expected a value after --batch\. See/],
    [["bench", "--case", "--json"], /^Error: Expected a value after --case\. See/],
    [["generate", "--threads", "-1", "--prompt", "x"], /threads .* -1/],
    [["train", "--out", "a", "--out", "b"], /--out was given 2 times/],
    [["train", "--seed=-1"], /Expected a whole number from 0 to 2\^53 − 1 after --seed but received -1/],
    [["train", "--seed", "1.5"], /Expected a whole number .* after --seed but received 1.5/],
    [
      ["train", "--device", "gpu"],
      /^Error: Expected one of auto, cpu, reference, cuda after --device but received gpu\. See/,
    ],
    [
      ["train", "--device", "gpu", "--weights", "q5"],
      /^Error: Expected one of auto, cpu, reference, cuda after --device but received gpu\. See/,
    ],
    [
      ["bench", "--case", "train", "--case", "nap"],
      /Expected one of kernels, train, .* after --case but received .*nap\. See/,
    ],
    [["train", "--data", "x.json"], /Expected --out/],
    [["generate", ...tiny], /Expected either --prompt TEXT or --input/],
    [["generate", ...tiny, "--prompt", "x", "--compute", "int"], /--compute int\).* not: add --weights q8/],
    [["generate", ...tiny, "--prompt", "x", "--top-p", "0"], /--top-p must be a number over 0 and at most 1, not 0/],
    [
      ["generate", ...tiny, "--prompt", "x", "--max-new-tokens", "3", "--min-new-tokens", "4"],
      /--min-new-tokens \(4\)/,
    ],
    [["train", "--data", "demo_calls", "--out", "a", "--compute", "int"], /Training is always computed in f32/],
    [["generate", ...tiny, "--prompt", "x", "--temperature", "-1"], /temperature must be a number from 0 on, not -1/],
    [["report", "/nonexistent"], /Expected a run folder/],
    [["eval", "--out", "x"], /Expected --tasks/],
  ])("%j ends with one sentence and status 2", async (args, message) => {
    const { status, stdout, stderr } = await sdft(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  it("shows a stack trace only with --verbose", async () => {
    const plain = await sdft("report", "/nonexistent");
    const verbose = await sdft("report", "/nonexistent", "--verbose");
    expect(plain.stderr).not.toMatch(/\n\s+at /);
    expect(verbose.stderr).toMatch(/\n\s+at /);
  });

  it("takes options with dashes and with underscores", async () => {
    const { stderr } = await sdft(
      "train",
      "--data",
      "demo_calls",
      "--out",
      join(folder, "x"),
      "--learning_rate=-1",
      "--lora-r",
      "0",
    );
    expect(stderr).toMatch(/2 settings of the command line.*learning_rate.*lora_r/);
    expect(existsSync(join(folder, "x"))).toBe(false);
  });

  it("finds bad data before anything is written, with file, line and column", async () => {
    const path = join(folder, "rows.jsonl");
    writeFileSync(path, '{"instruction":"a","output":"b"}\n{"instruction":"a"}\n');
    const { status, stderr } = await sdft("train", ...tiny, "--data", path, "--out", join(folder, "y"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/rows\.jsonl.*line 2.*"output"/);
    expect(existsSync(join(folder, "y"))).toBe(false);
    writeFileSync(path, "");
    expect((await sdft("train", ...tiny, "--data", path, "--out", join(folder, "y"))).status).toBe(2);
  });

  it("refuses a folder that can't be written", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    const { status, stderr } = await sdft(
      "train",
      ...tiny,
      "--data",
      "demo_calls",
      "--max-samples",
      "2",
      "--out",
      join(path, "below"),
    );
    expect(stderr).toMatch(/can be written at .*below/);
    expect(status).toBe(2);
    expect(readFileSync(path, "utf8")).toBe("");
  });
});

describe("an output file", () => {
  const prompts = join(folder, "prompts.jsonl");
  writeFileSync(prompts, '{"tokens":[5,6,7]}\n');

  it.each(["generate", "score"])("is refused by %s before the work where it can't be written", async (command) => {
    const write = (out: string) => sdft(command, ...tiny, "--input", prompts, "--out", out);
    const onFolder = await write(folder);
    expect(onFolder.stderr).toMatch(/Expected a place for a file at .* but a folder stands there/);
    expect(onFolder.status).toBe(2);
    const onInput = await write(prompts);
    expect(onInput.stderr).toMatch(/prompts\.jsonl is the file that --input reads/);
    expect(onInput.status).toBe(2);
    expect(readFileSync(prompts, "utf8")).toBe('{"tokens":[5,6,7]}\n');
    expect((await write(join(prompts, "below"))).status).toBe(2);
    expect(existsSync(`${folder}.partial`)).toBe(false);
  });
});

describe("facts", () => {
  it("doctor tells backends, versions and the cache", async () => {
    const { status, stdout, stderr } = await sdft("doctor", "--json");
    expect(status).toBe(0);
    const facts = JSON.parse(stdout);
    expect(facts).toMatchObject({ node: process.version, addon: { revision: expect.any(Number) } });
    expect(facts.addon.backends.map(({ name }: { name: string }) => name)).toContain("reference");
    expect(stderr).toBe("");
    const { stderr: text } = await sdft("doctor");
    expect(text).toMatch(/reference +on/);
    expect(text).toMatch(/Sandbox for programs \(HumanEval\): (bubblewrap|user namespaces|none)/);
    expect(facts.sandbox).toMatchObject({ refusals: expect.any(Array) });
  });

  it("ls names models and tasks", async () => {
    const { stderr } = await sdft("ls");
    expect(stderr).toMatch(/smollm2-135m-instruct/);
    expect(stderr).toMatch(/demo_calls/);
  });
});
