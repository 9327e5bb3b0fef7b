import { describe, expect, it } from "vitest";
import type { TextExample } from "../../src/data/example.js";
import { type Evidence, textEvidence } from "../../src/distill/evidence.js";
import { bindRules, type RuleSetting, ruleNames, ruleSettings } from "../../src/distill/rules/registry.js";
import { createJudge } from "../../src/distill/select.js";

interface Case {
  readonly original: string;
  readonly rewrite: string;
  readonly instruction?: string;
  readonly system?: string;
  readonly evidence?: Partial<Evidence>;
}

function judge(rule: RuleSetting, { original, rewrite, instruction = "Do it.", system, evidence }: Case) {
  const example: TextExample = {
    ...{ kind: "text", id: "a", instruction, response: original, history: [], system: system ?? null, row: {} },
  };
  const filter = { task: null, rules: [rule], evidence: { ...textEvidence, ...evidence } };
  return createJudge(filter)(example, { text: rewrite, finish: "stop", sample: 0 });
}

describe("length-ratio", () => {
  it("names the ratio and the bound that it breaks; the bounds themselves pass", () => {
    const rule = { "length-ratio": { min: 0.5, max: 2 } };
    expect(judge(rule, { original: "1234", rewrite: "12" })).toBeNull();
    expect(judge(rule, { original: "1234", rewrite: "12345678" })).toBeNull();
    expect(judge(rule, { original: "1234", rewrite: "1" })).toEqual({
      rule: "length-ratio",
      value: 0.25,
      detail: "1 characters for 4: 0.25, where at least 0.5 is expected",
    });
    expect(judge(rule, { original: "1234", rewrite: "123456789" })).toMatchObject({ value: 2.25 });
  });

  it("counts code points, or tokens, and copes with an empty original", () => {
    expect(judge({ "length-ratio": { min: 1, max: 1 } }, { original: "😀😀", rewrite: "ab" })).toBeNull();
    const rule = { "length-ratio": { max: 2, unit: "tokens" } };
    const countTokens = (text: string): number => text.split(" ").length;
    expect(judge(rule, { original: "a b", rewrite: "a b c d e", evidence: { countTokens } })?.value).toBe(2.5);
    expect(judge("length-ratio", { original: "", rewrite: "abcd" })?.value).toBe(4);
    expect(() => judge(rule, { original: "a", rewrite: "b" })).toThrow(/Expected token counts for length-ratio/);
  });
});

describe("copy", () => {
  it("finds the same text, white space aside", () => {
    expect(judge("copy", { original: "f(x=1)\n  end", rewrite: "f(x=1) end" })?.detail).toBe("the same text");
    expect(judge("copy", { original: "f(x=1)", rewrite: "The call is f(x=1)" })).toBeNull();
  });

  it("finds a share of runs of words", () => {
    const original = "one two three four five six";
    const rule = { copy: { share: 0.5, n: 2 } };
    // one two, two three, three four of 5 runs.
    expect(judge(rule, { original, rewrite: "One two, three four. And more" })).toMatchObject({ value: 0.6 });
    expect(judge(rule, { original, rewrite: "one two and something else entirely" })).toBeNull();
    // Each run counts as often as the original has it.
    expect(judge(rule, { original, rewrite: "one two one two one two" })).toBeNull();
    expect(judge(rule, { original, rewrite: "" })).toBeNull();
  });
});

describe("leaked-prompt", () => {
  const using = "Using the reference answer as a guide, write your own response.";

  it("finds sentences and marks of the template", () => {
    expect(judge("leaked-prompt", { original: "x", rewrite: `Sure.\n${using.toUpperCase()}` })).toMatchObject({
      value: 6,
    });
    expect(judge("leaked-prompt", { original: "x", rewrite: "y\n\n### Reference Answer:\nx" })).toMatchObject({
      detail: '"### reference answer:" of the template at character 2',
    });
    expect(judge("leaked-prompt", { original: "x", rewrite: "[INST] y [/INST]" })).not.toBeNull();
    expect(judge("leaked-prompt", { original: "x", rewrite: "Let's think step by step. It is 4." })).toBeNull();
  });

  it("lets pass what the original or the instruction says itself, and goes by the template that was used", () => {
    expect(judge("leaked-prompt", { original: "### Response:\nx", rewrite: "### Response: y" })).toBeNull();
    expect(judge("leaked-prompt", { original: "x", rewrite: using, instruction: using })).toBeNull();
    const evidence = { template: ["Say it again, in verse: {response}"] };
    expect(judge("leaked-prompt", { original: "x", rewrite: using, evidence })).toBeNull();
    expect(judge("leaked-prompt", { original: "x", rewrite: "Say it again, in verse: oh", evidence })).not.toBeNull();
  });

  it("finds long spans of the instruction or the system message that the original has not", () => {
    const words = "a1 b2 c3 d4 e5 f6";
    const rule = { "leaked-prompt": { words: 5 } };
    expect(judge(rule, { original: "x", rewrite: `So: ${words}!`, instruction: words })).toEqual({
      rule: "leaked-prompt",
      value: 6,
      detail: `6 words of the prompt in a row, where under 5 are expected: "${words}"`,
    });
    expect(judge(rule, { original: "x", rewrite: "a1 b2 c3 d4", instruction: words })).toBeNull();
    expect(judge(rule, { original: "x", rewrite: words, system: `Be kind. ${words}` })?.value).toBe(6);
    expect(judge(rule, { original: `Quote: ${words}`, rewrite: words, instruction: words })).toBeNull();
  });
});

describe("seed-logprob", () => {
  const evidence = { logprob: (_: string, sample: number | "original") => (sample === "original" ? -1 : -1.5) };

  it("asks for a number, or for the original answer's", () => {
    const texts = { original: "x", rewrite: "y", evidence };
    expect(judge({ "seed-logprob": { min: -1.5 } }, texts)).toBeNull();
    expect(judge({ "seed-logprob": { min: -1.4 } }, texts)).toMatchObject({ value: -1.5 });
    expect(judge("seed-logprob", texts)?.detail).toBe(
      "mean log-probability -1.500, where at least -1.000, the original answer's, is expected",
    );
  });

  it("is an error where nobody scored", () => {
    expect(() => judge("seed-logprob", { original: "x", rewrite: "y" })).toThrow(/Expected log-probabilities/);
  });
});

describe("banned-phrase", () => {
  it("is the authors' list, longer or another", () => {
    const texts = { original: "x", rewrite: "As an Example, see my response." };
    expect(judge("banned-phrase", texts)).toMatchObject({ value: 19, detail: '"my response" at character 19' });
    expect(
      judge({ "banned-phrase": { phrases: ["as an example"] } }, { ...texts, rewrite: "as an EXAMPLE" })?.value,
    ).toBe(0);
    expect(judge({ "banned-phrase": { phrases: ["see no"], mode: "replace" } }, texts)).toBeNull();
    expect(judge({ "banned-phrase": { phrases: ["zzz"] } }, { original: "x", rewrite: "Your turn now" })).toMatchObject(
      {
        value: 0,
      },
    );
  });
});

describe("the rules together", () => {
  it("are asked in one order, and a rule without parameters is its name alone", () => {
    const bound = bindRules(["seed-logprob", { copy: {} }, "empty", "banned-phrase"]);
    expect(bound.map(({ name }) => name)).toEqual(["empty", "banned-phrase", "copy", "seed-logprob"]);
    expect(ruleSettings(bound)).toEqual([
      "empty",
      "banned-phrase",
      { copy: { share: 1, n: 4 } },
      { "seed-logprob": { min: "original" } },
    ]);
    expect(bindRules(ruleNames)).toHaveLength(ruleNames.length);
  });

  it("name all faults of their parameters", () => {
    expect(() => bindRules([{ copy: { shre: 1, n: 0 } }])).toThrow(
      /2 settings of copy .*n: expected a whole number from 1 to 50 but received 0; unknown key "shre" \(did you mean "share"/,
    );
    expect(() => bindRules([{ empty: { x: 1 } }])).toThrow(/unknown key "x"\.$/);
    expect(() => bindRules([{ "length-ratio": { min: 4, max: 2 } }])).toThrow(/expected min to be at most max/);
    expect(() => bindRules([{ "seed-logprob": { min: 1 } }])).toThrow(/expected a number up to 0, or original/);
  });
});
