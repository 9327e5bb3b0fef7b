import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const tiny = ["--model", tinyChat];
const rows = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

async function done(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, ...written } = await sdft(...args);
  expect(written.stderr).not.toMatch(/^Error/m);
  expect(status).toBe(0);
  return written;
}

describe("generate", () => {
  it("answers a prompt on stderr, or as one document on stdout", async () => {
    const args = ["generate", ...tiny, "--prompt", "hello", "--max-new-tokens", "5"];
    const { stdout } = await done(...args, "--json");
    const [answer] = JSON.parse(stdout);
    expect(answer).toMatchObject({ id: "0", finish: "length" });
    expect(answer.tokens).toHaveLength(5);
    const plain = await done(...args);
    expect(plain.stdout).toBe("");
    expect(plain.stderr.trim()).not.toBe("");
  });

  it("drafts or not, and answers the same", async () => {
    const args = ["generate", ...tiny, "--prompt", "hello hello hello", "--max-new-tokens", "40", "--ignore-eos"];
    const answers = [];
    for (const mode of ["off", "auto", "on"]) answers.push((await done(...args, "--drafts", mode, "--json")).stdout);
    expect(new Set(answers).size).toBe(1);
    const refused = { status: 2, stderr: expect.stringContaining("--drafts") };
    expect(await sdft(...args, "--drafts", "maybe")).toMatchObject(refused);
  });

  it("answers a file of prompts, messages and tokens", async () => {
    const input = join(folder, "prompts.jsonl");
    const out = join(folder, "answers.jsonl");
    writeFileSync(
      input,
      '{"id":"a","prompt":"hi"}\n{"messages":[{"role":"user","content":"hi"}]}\n{"id":3,"tokens":[5,6]}\n',
    );
    await done("generate", ...tiny, "--prompts", input, "--output-dir", out, "--max_new_tokens", "3");
    expect(rows(out).map(({ id }) => id)).toEqual(["a", "1", "3"]);
    for (const row of rows(out)) expect(Object.keys(row)).toEqual(["id", "tokens", "text", "finish"]);
  });

  it("reads a file with a byte order mark, and leaves nothing behind where a prompt is refused", async () => {
    const input = join(folder, "marked.jsonl");
    const out = join(folder, "refused", "answers.jsonl");
    writeFileSync(input, '\ufeff{"prompt":"hi"}\r\n{"prompt":""}\r\n');
    const { status, stderr } = await sdft("generate", ...tiny, "--input", input, "--out", out);
    expect(stderr).toMatch(/at least one token in prompt 1/);
    expect(status).toBe(2);
    expect(readdirSync(join(folder, "refused"))).toEqual([]);
    writeFileSync(input, Buffer.from('{"prompt":"caf\xe9"}\n', "latin1"));
    const other = await sdft("generate", ...tiny, "--input", input, "--out", out);
    expect(other.stderr).toMatch(/marked\.jsonl is not UTF-8 \(line 1\)/);
    expect(other.status).toBe(2);
  });

  it("names the place of a bad row", async () => {
    const input = join(folder, "bad.jsonl");
    writeFileSync(input, '{"prompt":"x"}\n{"tokens":[1,9999]}\n');
    const { status, stderr } = await sdft("generate", ...tiny, "--input", input);
    expect(status).toBe(2);
    expect(stderr).toMatch(/token ids from 0 to \d+ in column "tokens" at .*bad\.jsonl, line 2/);
  });
});

describe("score", () => {
  it("gives a log-probability for each token after the first, or for the completion's", async () => {
    const input = join(folder, "score.jsonl");
    writeFileSync(input, '{"id":"t","tokens":[5,6,7]}\n{"id":"c","prompt":"a b","completion":" c"}\n');
    const { stdout } = await done("score", ...tiny, "--input", input, "--json");
    const [tokens, completion] = JSON.parse(stdout);
    expect(tokens.logprobs).toHaveLength(2);
    expect(tokens.sum).toBeCloseTo(tokens.logprobs[0] + tokens.logprobs[1], 9);
    expect(completion.id).toBe("c");
    expect(completion.logprobs.every((value: number) => value < 0)).toBe(true);
  });
});

describe("train, eval, distill, select", () => {
  const adapter = join(folder, "adapter");
  const few = ["--data", "demo_calls", "--max-samples", "4"];

  it("train leaves an adapter, a log and its configuration", async () => {
    const { stdout } = await done(
      "train",
      ...tiny,
      ...few,
      "--max-steps",
      "2",
      "--save-steps",
      "1",
      "--out",
      adapter,
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({ adapter: join(adapter, "adapter"), steps: 2, examples: 4 });
    expect(rows(join(adapter, "log.jsonl")).map((row) => Object.keys(row))[0]).toEqual([
      "step",
      "loss",
      "grad_norm",
      "learning_rate",
      "tokens",
      "tokens_per_second",
      "time",
    ]);
    expect(readFileSync(join(adapter, "run.yaml"), "utf8")).toMatch(/variant: vanilla/);
  });

  it("train does not mix with an earlier training, and says how to go on", async () => {
    const { status, stderr } = await sdft("train", ...tiny, ...few, "--max-steps", "2", "--out", adapter);
    expect(status).toBe(2);
    expect(stderr).toMatch(/checkpoint-1 of an earlier training: go on from it with --resume/);
    const other = await sdft("train", ...tiny, ...few, "--max-steps", "5", "--out", adapter, "--resume");
    expect(other.stderr).toMatch(/made with other data, options/);
    await done("train", ...tiny, ...few, "--max-steps", "2", "--out", adapter, "--resume");
  });

  it("train leaves an earlier adapter alone", async () => {
    const out = join(folder, "finished");
    await done("train", ...tiny, ...few, "--max-steps", "1", "--out", out);
    const { status, stderr } = await sdft("train", ...tiny, ...few, "--max-steps", "2", "--out", out);
    expect(status).toBe(2);
    expect(stderr).toMatch(/already holds a trained adapter .*choose another --out/);
  });

  it("train goes on from an adapter, and refuses another shape", async () => {
    await done(
      "train",
      ...tiny,
      ...few,
      "--max-steps",
      "1",
      "--init-adapter",
      adapter,
      "--out",
      join(folder, "second"),
    );
    const { stderr } = await sdft(
      "train",
      ...tiny,
      ...few,
      "--init-adapter",
      adapter,
      "--lora-r",
      "3",
      "--out",
      join(folder, "third"),
    );
    expect(stderr).toMatch(/does not have --lora-r 3 \(it has 8\)/);
  });

  it("eval writes predictions and scores, and names what the adapter was", async () => {
    const out = join(folder, "eval");
    await done(
      "eval",
      ...tiny,
      "--tasks",
      "demo_calls,demo_refusals",
      "--max-samples",
      "2",
      "--max-new-tokens",
      "3",
      "--adapter",
      adapter,
      "--out",
      out,
    );
    expect(rows(join(out, "demo_calls", "predictions.jsonl"))).toHaveLength(2);
    expect(rows(join(out, "scores.jsonl"))).toMatchObject([
      { variant: "vanilla", dataset: "calls_train", task: "demo_calls", n: 2 },
      { variant: "vanilla", task: "demo_refusals", n: 2 },
    ]);
  });

  it("eval scores outputs made elsewhere", async () => {
    const input = join(folder, "generated_predictions.jsonl");
    const out = join(folder, "foreign");
    writeFileSync(input, '{"prompt":"p","predict":"It is 7.","label":"7"}\n{"prompt":"p","predict":"8","label":"9"}\n');
    await done("eval", "--predictions", input, "--task", "gsm8k", "--out", out);
    expect(rows(join(out, "predictions.jsonl"))).toEqual([
      { id: "0", prompt: "p", output: "It is 7.", label: "7", correct: true, finish: null, tokens: null },
      { id: "1", prompt: "p", output: "8", label: "9", correct: false, finish: null, tokens: null },
    ]);
    expect(rows(join(out, "scores.jsonl"))).toMatchObject([{ task: "gsm8k", metric: "accuracy", value: 0.5, n: 2 }]);
  });

  it("eval --predictions goes on past a reference that is no call, and refuses another task's file", async () => {
    const input = join(folder, "calls.jsonl");
    writeFileSync(input, '{"predict":"f(x=\'a\')","label":"f(x=\'a\')"}\n{"predict":"f(x=1)","label":"a call"}\n');
    const out = join(folder, "calls");
    const { stdout, stderr } = await done(
      "eval",
      "--predictions",
      input,
      "--task",
      "openfunctions",
      "--out",
      out,
      "--json",
    );
    expect(stderr).toMatch(/A row of openfunctions is left out of its score: .*row 1 to be a function call/);
    expect(JSON.parse(stdout)).toMatchObject({ scores: [{ value: 1, n: 1 }], failed: [{ id: "1" }] });
    expect(rows(join(out, "predictions.jsonl")).map(({ correct }) => correct)).toEqual([true, null]);
    const other = await sdft("eval", "--predictions", input, "--task", "gsm8k", "--out", join(folder, "other"));
    expect(other.status).toBe(2);
    expect(other.stderr).toMatch(/does not hold answers to gsm8k/);
    expect(() => readFileSync(join(folder, "other", "predictions.jsonl"))).toThrow();
  });

  it("eval --predictions with data wants every row answered", async () => {
    const data = join(folder, "sums.jsonl");
    writeFileSync(data, '{"instruction":"1+1?","output":"2"}\n{"instruction":"2+2?","output":"4"}\n');
    const input = join(folder, "one-sum.jsonl");
    writeFileSync(input, '{"id":"1","predict":"4"}\n');
    const args = ["eval", "--predictions", input, "--task", "gsm8k", "--data", data, "--out", join(folder, "part")];
    const { status, stderr } = await sdft(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/answers 1 of the 2 rows of gsm8k; missing: 0\. Add them/);
    writeFileSync(input, '{"predict":"2"}\n{"predict":"4"}\n');
    expect((await sdft(...args, "--max-samples", "1")).stderr).toMatch(/have no ids, so --max-samples can't tell/);
    await done(...args);
  });

  it("distill leaves distilled rows that train takes, also as another trainer reads them", async () => {
    const out = join(folder, "distilled");
    await done("distill", ...tiny, ...few, "--max-new-tokens", "3", "--attempts", "2", "--out", out);
    const again = await sdft("distill", ...tiny, ...few, "--max-new-tokens", "9", "--out", out);
    expect(again.status).toBe(2);
    expect(again.stderr).toMatch(/already holds finished rewrites \(distilled\.jsonl\): choose another --out/);
    const distilled = rows(join(out, "distilled.jsonl"));
    expect(distilled).toHaveLength(4);
    expect(Object.keys(distilled[0] ?? {})).toEqual([
      "id",
      "instruction",
      "original",
      "response",
      "source",
      "reason",
      "finish",
    ]);
    const info = JSON.parse(readFileSync(join(out, "dataset_info.json"), "utf8"));
    expect(Object.keys(info)).toEqual(["distilled_calls_train"]);
    await done(
      "train",
      ...tiny,
      ...few,
      "--distilled",
      join(out, "distilled.jsonl"),
      "--mix-ratio",
      "0.5",
      "--max-steps",
      "1",
      "--out",
      join(folder, "mixed"),
    );
    await done(
      "train",
      ...tiny,
      "--data",
      "distilled_calls_train",
      "--dataset-dir",
      out,
      "--max-steps",
      "1",
      "--out",
      join(folder, "read-back"),
    );
  });

  it("select filters rewrites made elsewhere", async () => {
    const data = join(folder, "select.json");
    writeFileSync(
      data,
      JSON.stringify([
        { question: "1+1?", answer: "The answer is 2." },
        { question: "2+2?", answer: "The answer is 4." },
      ]),
    );
    const input = join(folder, "rewrites.jsonl");
    writeFileSync(
      input,
      '{"predict":"One and one is 2.","label":"The answer is 2."}\n{"predict":"It is 5.","label":"The answer is 4."}\n',
    );
    const out = join(folder, "selected");
    const { stdout } = await done(
      "select",
      "--predictions",
      input,
      "--data",
      data,
      "--task",
      "gsm8k",
      "--out",
      out,
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2, kept: 1, reasons: { "wrong-answer": 1 } });
    expect(rows(join(out, "distilled.jsonl"))).toMatchObject([
      { id: "0", response: "One and one is 2.", source: "model", reason: null },
      { id: "1", response: "The answer is 4.", source: "original", reason: "wrong-answer" },
    ]);
  });

  it("select names a reference that is no call, and goes on", async () => {
    const data = join(folder, "select-calls.json");
    const output = ["f(x=1)", "no call"];
    writeFileSync(data, JSON.stringify(output.map((one) => ({ instruction: "Call.", output: one }))));
    const input = join(folder, "call-rewrites.jsonl");
    writeFileSync(input, output.map((one) => `{"predict":"Here: ${one}"}\n`).join(""));
    const args = [
      "--predictions",
      input,
      "--data",
      data,
      "--task",
      "openfunctions",
      "--out",
      join(folder, "calls-out"),
    ];
    const { stdout, stderr } = await done("select", ...args, "--json");
    expect(stderr).toMatch(/Row 1 keeps its original answer/);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2, kept: 1, reasons: { "wrong-answer": 1 } });
  });
});

describe("inspect", () => {
  it("marks what is trained", async () => {
    const { stdout } = await done(
      "inspect",
      ...tiny,
      "--data",
      "demo_calls",
      "--max-samples",
      "2",
      "--rows",
      "1",
      "--json",
    );
    const { rows: shown, report } = JSON.parse(stdout);
    expect(shown).toHaveLength(1);
    const trained = shown[0].tokens
      .filter((token: { trained: boolean }) => token.trained)
      .map((token: { text: string }) => token.text);
    expect(trained.join("")).toMatch(/\)<\|im_end\|>$/);
    expect(report).toMatchObject({ examples: 2, kept: 2, template: "chat" });
    expect(
      (await done("inspect", ...tiny, "--data", "demo_calls", "--rows", "1", "--distill-template", "using")).stderr,
    ).toMatch(/Using the reference answer as a guide/);
  });
});

describe("demo, run and report", () => {
  it("demo runs at its smallest with settings changed, and report shows it again", async () => {
    const out = join(folder, "demo");
    const { stdout } = await done(
      "demo",
      ...tiny,
      "--max-samples",
      "2",
      "distill.attempts=1",
      "distill.max_new_tokens=4",
      "--out",
      out,
      "--json",
    );
    const document = JSON.parse(stdout);
    expect(document.scores).toHaveLength(9);
    expect(document.yield).toMatchObject({ total: 2 });
    expect(document.scores[0].n).toBe(2);
    const { stderr } = await done("report", out);
    expect(stderr).toMatch(/self-distillation \(SDFT\)/);
    expect(stderr).toMatch(/report\.html/);
    expect(stderr).not.toMatch(/scores\.jsonl/);
    rmSync(join(out, "scores.jsonl"));
    const unfinished = await done("report", out);
    expect(unfinished.stderr).toMatch(/scores\.jsonl is missing, so there are no results to show/);
  });

  it("run names every fault of its file", async () => {
    const path = join(folder, "bad.yaml");
    writeFileSync(path, "name: x\ntask: gsm8k\nevaluate: [gsm8k]\nmodle: y\ntrain: {lora_r: 0}\n");
    const { status, stderr } = await sdft("run", path);
    expect(status).toBe(2);
    expect(stderr).toMatch(/2 settings of .*bad\.yaml.*unknown key "modle" \(did you mean "model"\?\)/);
    expect(stderr).toMatch(/train\.lora_r/);
  });
});
