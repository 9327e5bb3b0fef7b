import { describe, expect, it } from "vitest";
import { pauseSeconds } from "../../../src/eval/judge/endpoint.js";
import { fillJudgePrompt, judgePrompt, readChoice } from "../../../src/eval/judge/prompt.js";
import { pairScore, winRate } from "../../../src/eval/judge/win-rate.js";

describe("readChoice", () => {
  it.each([
    ["Both fine.\nVERDICT: FIRST", "first"],
    ["**Verdict: second**", "second"],
    ["VERDICT:TIE", "tie"],
    ["I could say VERDICT: FIRST, but no.\nVERDICT: SECOND\n", "second"],
    ["The first one.", null],
    ["VERDICT: NEITHER", null],
    ["VERDICT: FIRSTLY", null],
    ["", null],
  ])("%j → %s", (answer, choice) => {
    expect(readChoice(answer)).toBe(choice);
  });
});

describe("the prompt", () => {
  it("takes each text once, braces and all", () => {
    const text = fillJudgePrompt(judgePrompt, { instruction: "What is {first}?", first: "{second}", second: "$& two" });
    expect(text).toContain("<request>\nWhat is {first}?\n</request>");
    expect(text).toContain("<first_answer>\n{second}\n</first_answer>");
    expect(text).toContain("<second_answer>\n$& two\n</second_answer>");
  });
});

describe("winRate", () => {
  const [model, baseline] = ["model_first", "baseline_first"] as const;

  it("counts a tie half, averages orders, and leaves out what can't be read", () => {
    expect(pairScore([{ order: model, choice: "first" }])).toBe(1);
    expect(pairScore([{ order: baseline, choice: "first" }])).toBe(0);
    expect(pairScore([{ order: model, choice: "tie" }])).toBe(0.5);
    const split = [
      { order: model, choice: "first" },
      { order: baseline, choice: "first" },
    ] as const;
    expect(pairScore(split)).toBe(0.5);
    const half = [
      { order: model, choice: null },
      { order: baseline, choice: "second" },
    ] as const;
    expect(pairScore(half)).toBe(1);
    expect(pairScore([{ order: model, choice: null }])).toBeNull();
  });

  it("has an interval around the mean of the pairs that count", () => {
    const scores = [1, 0, 0.5, null, 1, 0.75, 0, 1, 0.5, 1];
    const [rate] = winRate(scores);
    expect(rate).toMatchObject({ metric: "win_rate", n: 9 });
    expect(rate?.value).toBeCloseTo(5.75 / 9, 12);
    expect(rate?.low).toBeLessThan(0.5);
    expect(rate?.high).toBeGreaterThan(0.8);
    expect(winRate(scores)).toEqual([rate]);
    expect(winRate([null, null])).toEqual([]);
  });

  it("is not certain of pairs that all went one way", () => {
    // Wilson's interval of 8 in 8 and 0 in 8.
    const [won] = winRate(Array.from({ length: 8 }, () => 1));
    expect(won).toMatchObject({ value: 1, n: 8, high: 1 });
    expect(won?.low).toBeCloseTo(0.6755924, 6);
    const [lost] = winRate(Array.from({ length: 8 }, () => 0));
    expect(lost).toMatchObject({ value: 0, n: 8, low: 0 });
    expect(lost?.high).toBeCloseTo(0.3244076, 6);
    const [tied] = winRate([0.5, 0.5]);
    expect(tied?.low).toBeLessThan(0.2);
    expect(tied?.high).toBeGreaterThan(0.8);
  });
});

describe("pauseSeconds", () => {
  const now = Date.parse("2024-01-01T00:00:00Z");
  const pause = (attempt: number, retryAfter: string | null) => pauseSeconds({ attempt, first: 1, retryAfter }, now);

  it("doubles up to a minute", () => {
    expect([0, 1, 2, 5, 6, 9].map((attempt) => pause(attempt, null))).toEqual([1, 2, 4, 32, 60, 60]);
  });

  it("is what the service asks for, as seconds or as a date, within ten minutes", () => {
    expect(pause(3, "7")).toBe(7);
    expect(pause(3, "0.5")).toBe(0.5);
    expect(pause(3, "Mon, 01 Jan 2024 00:00:30 GMT")).toBe(30);
    expect(pause(3, "Sun, 31 Dec 2023 00:00:00 GMT")).toBe(0);
    expect(pause(3, "86400")).toBe(600);
    expect(pause(3, "soon")).toBe(8);
  });
});
