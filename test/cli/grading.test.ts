// `sdft eval` where a check is not enough: programs to run, a judge to ask.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { workingSandboxes } from "../eval/sandbox/sandboxes.js";
import { says, startJudgeServer } from "../judge-server.js";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const tiny = ["--model", tinyChat];
const [sandbox] = await workingSandboxes();
const { PATH, SDFT_PYTHON } = process.env;

afterEach(() => {
  process.env.PATH = PATH;
  if (SDFT_PYTHON === undefined) delete process.env.SDFT_PYTHON;
  else process.env.SDFT_PYTHON = SDFT_PYTHON;
});

const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

function write(name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

async function done(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, ...written } = await sdft(...args);
  expect(written.stderr).not.toMatch(/^Error/m);
  expect(status).toBe(0);
  return written;
}

const problem = (name: string, expected: number) => ({
  prompt: `def ${name}():\n    """Gives ${expected}."""\n`,
  canonical_solution: `    return ${expected}\n`,
  test: `def check(candidate):\n    assert candidate() == ${expected}\n`,
  entry_point: name,
});
const problems = write("problems.jsonl", [problem("one", 1), problem("two", 2)]);
const questions = write("questions.jsonl", [
  { instruction: "Name a colour.", output: "Blue.", dataset: "ours" },
  { instruction: "Name a river.", output: "The Danube, in Europe." },
]);

describe.skipIf(sandbox === undefined)("HumanEval", () => {
  it("runs programs made elsewhere and keeps the verdicts", async () => {
    const predictions = write("completions.jsonl", [
      { predict: "\n    return 1\n\nprint(one())" },
      { predict: "\n    return 3\n" },
    ]);
    const out = join(folder, "programs");
    const args = ["eval", "--predictions", predictions, "--task", "humaneval", "--data", problems, "--out", out];
    const { stderr } = await done(...args);
    expect(stderr).toMatch(/humaneval: pass@1 50\.0 % .* n = 2/);
    expect(lines(join(out, "predictions.jsonl")).map(({ correct }) => correct)).toEqual([true, false]);
    expect(lines(join(out, "scores.jsonl"))).toMatchObject([{ task: "humaneval", metric: "pass@1", value: 0.5, n: 2 }]);
    expect(lines(join(out, "verdicts.jsonl"))).toMatchObject([
      { id: "0", outcome: "passed", detail: null },
      { id: "1", outcome: "failed", detail: expect.stringMatching(/^AssertionError/) },
    ]);
    expect(JSON.parse(readFileSync(join(out, "sandbox.json"), "utf8"))).toMatchObject({ method: sandbox?.method });
  });

  it("estimates pass@k from several answers to a prompt", async () => {
    const answer = (id: string, sample: number, value: number) => ({ id, sample, output: `\n    return ${value}` });
    const predictions = write("samples.jsonl", [
      ...[1, 2, 3, 4].map((value, sample) => answer("0", sample, value)),
      ...[0, 0, 0, 0].map((value, sample) => answer("1", sample, value)),
    ]);
    const out = join(folder, "samples");
    await done("eval", "--predictions", predictions, "--task", "humaneval", "--data", problems, "--out", out);
    expect(lines(join(out, "scores.jsonl")).map(({ metric, value, n }) => [metric, value, n])).toEqual([
      ["pass@1", 0.125, 2],
      ["pass@4", 0.5, 2],
    ]);
  });

  it("generates several answers, which differ, and the same ones again", async () => {
    const args = ["--tasks", "humaneval", "--data", problems, "--max-new-tokens", "6", "--samples-per-prompt", "3"];
    const out = join(folder, "generated");
    await done("eval", ...tiny, ...args, "--temperature", "1", "--out", out);
    const rows = lines(join(out, "humaneval", "predictions.jsonl"));
    expect(rows.map(({ id, sample }) => `${id}-${sample}`)).toEqual(["0-0", "0-1", "0-2", "1-0", "1-1", "1-2"]);
    expect(new Set(rows.map(({ output }) => output)).size).toBeGreaterThan(2);
    expect(lines(join(out, "scores.jsonl")).map(({ metric }) => metric)).toEqual(["pass@1", "pass@3"]);
    const again = join(folder, "again");
    await done("eval", ...tiny, ...args, "--temperature", "1", "--out", again);
    expect(lines(join(again, "humaneval", "predictions.jsonl"))).toEqual(rows);
    const greedy = await sdft("eval", ...tiny, ...args, "--out", join(folder, "greedy"));
    expect(greedy.stderr).toMatch(/temperature over 0 for 3 answers to each prompt of humaneval/);
    expect(greedy.status).toBe(2);
  });

  it("names the problem that lacks its tests", async () => {
    const data = write("no-tests.jsonl", [{ ...problem("one", 1), test: undefined }]);
    const predictions = write("one.jsonl", [{ predict: "\n    return 1" }]);
    const args = ["eval", "--predictions", predictions, "--task", "humaneval", "--data", data, "--out"];
    const { status, stderr } = await sdft(...args, join(folder, "no-tests"));
    expect(stderr).toMatch(/column "test" of problem 0 but found no such column/);
    expect(status).toBe(2);
  });
});

describe("without a sandbox or a Python", () => {
  const args = ["eval", ...tiny, "--tasks", "humaneval", "--data", problems, "--max-new-tokens", "2"];

  it("refuses before anything is generated or written", async () => {
    process.env.SDFT_PYTHON = join(folder, "no-python");
    const out = join(folder, "no-python-out");
    const { status, stderr } = await sdft(...args, "--out", out);
    expect(stderr).toMatch(/no-python is not there\. Install python3/);
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});

describe("AlpacaEval", () => {
  it("writes outputs in the tool's format where nobody judges", async () => {
    const out = join(folder, "outputs");
    const args = ["--tasks", "alpaca_eval", "--data", questions, "--no-shuffle", "--max-new-tokens", "4"];
    const { stderr } = await done("eval", ...tiny, ...args, "--out", out);
    expect(stderr).toMatch(/alpaca_eval: 2 outputs written; no judge was named \(--judge-endpoint\)/);
    const outputs = JSON.parse(readFileSync(join(out, "alpaca_eval", "model_outputs.json"), "utf8"));
    expect(outputs).toEqual([
      { instruction: "Name a colour.", output: expect.any(String), generator: "tiny-chat", dataset: "ours" },
      { instruction: "Name a river.", output: expect.any(String), generator: "tiny-chat", dataset: "alpaca_eval" },
    ]);
    expect(existsSync(join(out, "alpaca_eval", "judgements.jsonl"))).toBe(false);
  });

  it("asks the judge, says what it takes, and asks nothing twice", async () => {
    const server = await startJudgeServer(({ question }) =>
      says(question.indexOf("Red.") < question.indexOf("Blue.") ? "VERDICT: FIRST" : "VERDICT: SECOND"),
    );
    process.env.SDFT_TEST_JUDGE_KEY = "secret-key";
    const predictions = write("answers.jsonl", [{ predict: "Red." }, { predict: "The Danube, in Europe." }]);
    const out = join(folder, "judged");
    const args = ["eval", "--predictions", predictions, "--task", "alpaca_eval", "--data", questions, "--out", out];
    const judge = ["--judge-endpoint", server.endpoint, "--judge-model", "big", "--judge-both-orders"];
    const key = ["--judge-key-env", "SDFT_TEST_JUDGE_KEY", "--judge-price", "1,2"];
    const { stderr } = await done(...args, ...judge, ...key);
    // The second answer is the baseline's own: in both orders the same question.
    expect(stderr).toMatch(/Judging by big: 3 calls, about \d+ prompt tokens .* at most \$0\.00/);
    expect(stderr).toMatch(/alpaca_eval: win rate 75\.0 % .* n = 2/);
    expect(server.requests).toHaveLength(3);
    expect(server.requests[0]?.authorization).toBe("Bearer secret-key");
    await done(...args, ...judge, ...key);
    expect(server.requests).toHaveLength(3);
    for (const name of ["predictions.jsonl", "judgements.jsonl", "judge.json", "model_outputs.json", "scores.jsonl"])
      expect(readFileSync(join(out, name), "utf8")).not.toMatch(/secret-key/);
    expect(lines(join(out, "scores.jsonl"))).toMatchObject([{ metric: "win_rate", value: 0.75, n: 2 }]);
    await server.close();
    delete process.env.SDFT_TEST_JUDGE_KEY;
  });

  it("fails where the judge never states a verdict, and says how often it was asked", async () => {
    const server = await startJudgeServer(() => says("Both are lovely."));
    const predictions = write("undecided.jsonl", [{ predict: "Red." }, { predict: "Rhine" }]);
    const out = join(folder, "undecided");
    const args = ["eval", "--predictions", predictions, "--task", "alpaca_eval", "--data", questions, "--out", out];
    const { status, stderr } = await sdft(...args, "--judge-endpoint", server.endpoint, "--judge-model", "big");
    expect(stderr).toMatch(/None of the 2 answers of the judge big states a verdict, so alpaca_eval has no win rate/);
    expect(status).toBe(1);
    expect(lines(join(out, "judgements.jsonl"))).toHaveLength(2);
    await server.close();
  });

  it("is tried out with the stand-in, which says what it is", async () => {
    const predictions = write("long.jsonl", [{ predict: "Red, as a rose." }, { predict: "Rhine" }]);
    const args = ["eval", "--predictions", predictions, "--task", "alpaca_eval", "--data", questions];
    const judge = ["--judge-endpoint", "stand-in", "--judge-model", "stand-in"];
    const { stderr } = await done(...args, ...judge, "--out", join(folder, "stand-in"));
    expect(stderr).toMatch(/judged by a stand-in, which prefers the longer answer: its win rate means nothing/);
    expect(stderr).toMatch(/win rate 50\.0 %/);
  });

  it.each([
    [["--judge-model", "m"], /Expected --judge-endpoint with the other options/],
    [["--judge-endpoint", "http://127.0.0.1:9"], /Expected --judge-model/],
    [["--judge-endpoint", "here", "--judge-model", "m"], /judge's address such as/],
    [["--judge-endpoint", "stand-in", "--judge-model", "m", "--judge-concurrency", "0"], /--judge-concurrency to be/],
    [["--judge-endpoint", "stand-in", "--judge-model", "m", "--judge-key-env", "SDFT_NO_KEY"], /SDFT_NO_KEY but it is/],
  ])("refuses %j before anything is generated", async (judge, message) => {
    const out = join(folder, "refused");
    const args = ["eval", ...tiny, "--tasks", "alpaca_eval", "--data", questions, ...judge, "--out", out];
    const { status, stderr } = await sdft(...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});
