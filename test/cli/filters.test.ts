// The filters as the command line has them: rules with parameters, the best of several rewrites, and the same rewrites filtered again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { tinyChat } from "../tiny-chat.js";
import { sdft } from "./run.js";

const folder = temporaryFolder();
const model = ["--model", tinyChat];
const few = ["--data", "demo_calls", "--max-samples", "4"];
const short = ["--max-new-tokens", "6"];
const text = (...parts: string[]): string => readFileSync(join(folder, ...parts), "utf8");
const rows = (...parts: string[]): Record<string, unknown>[] =>
  text(...parts)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("distill", () => {
  it("takes rules with parameters and the best of several samples, and tells the yield by number of samples", async () => {
    const out = join(folder, "best");
    const best = ["--attempts", "3", "--choose", "best", "--rules", "empty,length_ratio(min=0,max=50)"];
    const { status, stderr } = await sdft("distill", ...model, ...few, ...short, ...best, "--out", out);
    expect(stderr).toMatch(/Rows kept by number of samples: 4 with 1, 4 with 2, 4 with 3\./);
    expect(stderr).toMatch(/Of 12 samples 12 were judged\./);
    expect(status).toBe(0);
    expect(Object.keys(rows("best", "verdicts.jsonl")[0] ?? {})).toEqual([
      ...["id", "sample", "rule", "value", "detail", "logprob", "chosen"],
    ]);
    expect(JSON.parse(text("best", "yield.json"))).toMatchObject({ rows: 4, keptWithin: [4, 4, 4] });
  });

  it("refuses faulty rules before anything is loaded or written", async () => {
    const out = join(folder, "faulty");
    const { status, stderr } = await sdft(
      "distill",
      "--model",
      "/none",
      ...few,
      "--rules",
      "copy(share=7)",
      "--out",
      out,
    );
    expect(stderr).toMatch(/A setting of copy in --rules can't be used: share: expected a number from 0.01 to 1/);
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});

describe("a distillation template of one's own", () => {
  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it("is what the model reads, and what a leak is searched for", async () => {
    const path = write("mine.txt", "Say it in verse, dear machine: {instruction}\nAnswer: {response}\n");
    const { stderr } = await sdft("inspect", ...model, ...few, "--rows", "1", "--distill-template", path);
    expect(stderr).toMatch(/Say it in verse, dear machine: /);
    const out = join(folder, "verse");
    const distilled = await sdft("distill", ...model, ...few, ...short, "--distill-template", path, "--out", out);
    expect(distilled.status).toBe(0);
  });

  it.each([
    [
      "no-response.txt",
      "Rewrite {instruction}",
      /Expected \{response\} somewhere in the distillation template .*no-response/,
    ],
    ["typo.txt", "{instrution} {instruction} {response}", /\{instrution\}.*did you mean "\{instruction\}"/],
    ["empty.txt", "", /Expected \{instruction\}/],
  ])("%s is refused before anything is written", async (name, content, message) => {
    const out = join(folder, "refused");
    const args = ["distill", ...model, ...few, "--distill-template", write(name, content), "--out", out];
    const { status, stderr } = await sdft(...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it("must be there", async () => {
    const args = ["distill", ...model, ...few, "--distill-template", "usin", "--out", join(folder, "refused")];
    expect((await sdft(...args)).stderr).toMatch(
      /Expected a distillation template \(using, refer or a file\) at .*no such file/,
    );
  });
});

describe("select", () => {
  const data = join(folder, "data.json");
  const predictions = join(folder, "predictions.jsonl");
  const select = (name: string, ...more: string[]) =>
    sdft("select", "--data", data, "--out", join(folder, name), "--json", ...more);

  beforeAll(() => {
    const answers = ["one two three", "four five six"];
    writeFileSync(data, JSON.stringify(answers.map((output) => ({ instruction: "count", output }))));
    const texts = ["one two three", "four, then five, then six, and so on and on"];
    writeFileSync(predictions, texts.map((predict) => `${JSON.stringify({ predict })}\n`).join(""));
  });

  it("applies rules to rewrites made elsewhere, and names rule and number of each rejection", async () => {
    const { stdout } = await select("plain", "--predictions", predictions, "--rules", "copy,length-ratio(max=2)");
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2, kept: 0, reasons: { copy: 1, "length-ratio": 1 } });
    expect(rows("plain", "verdicts.jsonl")).toMatchObject([
      { id: "0", rule: "copy", value: 1, detail: "the same text" },
      { id: "1", rule: "length-ratio", detail: "43 characters for 13: 3.31, where at most 2 is expected" },
    ]);
  });

  it("asks for a model where a rule needs one, and then scores", async () => {
    const scored = ["--predictions", predictions, "--rules", "seed-logprob(min=-100)"];
    const refused = await select("scored", ...scored);
    expect(refused.stderr).toMatch(/Expected --model with seed-logprob: log-probabilities come from a model/);
    expect(refused.status).toBe(2);
    expect(existsSync(join(folder, "scored"))).toBe(false);
    const counted = await select("scored", "--predictions", predictions, "--rules", "length-ratio(unit=tokens)");
    expect(counted.stderr).toMatch(/Expected --model with length-ratio: token counts come from a model/);
    const { stdout } = await select("scored", ...scored, ...model);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2, kept: 2 });
    for (const { logprob } of rows("scored", "verdicts.jsonl")) expect(logprob).toBeLessThan(0);
    expect(existsSync(join(folder, "scored", "logprobs.partial.jsonl"))).toBe(false);
    const tokens = await select(
      "counted",
      "--predictions",
      predictions,
      "--rules",
      "length-ratio(unit=tokens,max=1)",
      ...model,
    );
    expect(JSON.parse(tokens.stdout)).toMatchObject({ kept: 1, reasons: { "length-ratio": 1 } });
  });

  it("filters the rewrites of a distilling stage in another way", async () => {
    const own = ["select", ...few, "--rewrites", join(folder, "best", "rewrites.jsonl"), ...model];
    const rules = ["--rules", "empty,length_ratio(min=0,max=50)"];
    const same = await sdft(...own, ...rules, "--choose", "best", "--out", join(folder, "again"));
    expect(same.status).toBe(0);
    for (const file of ["distilled.jsonl", "verdicts.jsonl", "yield.json"])
      expect(text("again", file)).toBe(text("best", file));
    const strict = await sdft(...own, "--rules", "length-ratio(min=0,max=0)", "--out", join(folder, "strict"));
    expect(strict.stderr).toMatch(/0 of 4 rewrites kept .*\n +4 +length-ratio: much shorter or much longer/);
    expect(strict.stderr).toMatch(/Rows kept by number of samples: 0 with 1, 0 with 2, 0 with 3/);
  });

  it("wants rewrites, and of one kind", async () => {
    expect((await select("none")).stderr).toMatch(/Expected either --predictions .* or --rewrites/);
    const both = await select("none", "--predictions", predictions, "--rewrites", predictions);
    expect(both.status).toBe(2);
    expect((await select("none", "--rewrites", predictions)).stderr).toMatch(
      /Line 1 of .*predictions\.jsonl is no row of a rewrites\.jsonl/,
    );
  });
});
